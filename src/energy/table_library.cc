// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "opcost/energy/cost_table.h"
#include "opcost/support/near_matches.h"
#include "opcost/support/status_macros.h"
#include "opcost/support/toml_reader.h"
#include "src/energy/embedded_tables.h"
#include "src/energy/table_content.h"

namespace opcost {
namespace {

namespace fs = std::filesystem;

constexpr absl::string_view kExtension = ".toml";
constexpr size_t kMaxTableBytes = (size_t{1} << 20) + 1;

bool IsPath(absl::string_view name_or_path) {
  return absl::StrContains(name_or_path, '/') ||
         absl::EndsWith(name_or_path, kExtension);
}

std::string InFolder(const std::string& folder, absl::string_view name) {
  return absl::StrCat(folder, "/", name, kExtension);
}

// At most one byte more than a table may have: the parser then refuses it.
absl::StatusOr<std::string> ReadFile(const std::string& path) {
  errno = 0;
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    return absl::NotFoundError(
        absl::StrCat("can't read cost table '", path, "': it is a folder"));
  }
  std::ifstream file(path, std::ios::binary);
  std::string text(kMaxTableBytes, '\0');
  if (!file) {
    return absl::NotFoundError(absl::StrCat("can't read cost table '", path,
                                            "': ", std::strerror(errno)));
  }
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) {
    return absl::NotFoundError(
        absl::StrCat("can't read cost table '", path, "': read error"));
  }
  text.resize(static_cast<size_t>(file.gcount()));
  return text;
}

// Names and paths of the tables in `folder`, sorted; none if it can't be read.
std::map<std::string, std::string> TablesIn(const std::string& folder) {
  std::map<std::string, std::string> found;
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  const fs::directory_iterator end;
  for (; !error && entry != end; entry.increment(error)) {
    const std::string file = entry->path().filename().string();
    if (!absl::EndsWith(file, kExtension)) continue;
    const std::string name = file.substr(0, file.size() - kExtension.size());
    found[name] = InFolder(folder, name);
  }
  return found;
}

}  // namespace

TableLibrary::TableLibrary(std::vector<std::string> folders)
    : folders_(std::move(folders)) {}

absl::StatusOr<TableLibrary::Text> TableLibrary::LoadText(
    absl::string_view name_or_path) const {
  if (IsPath(name_or_path)) {
    Text result;
    result.path = std::string(name_or_path);
    OPCOST_ASSIGN_OR_RETURN(result.text, ReadFile(result.path));
    return result;
  }
  for (const std::string& folder : folders_) {
    const std::string path = InFolder(folder, name_or_path);
    std::error_code ignored;
    if (!IsTableName(name_or_path) || !fs::exists(path, ignored)) continue;
    Text result;
    result.path = path;
    OPCOST_ASSIGN_OR_RETURN(result.text, ReadFile(path));
    return result;
  }
  for (const EmbeddedTable& table : EmbeddedTables()) {
    if (table.name == name_or_path) {
      return Text{absl::StrCat(table.name, kExtension),
                  std::string(table.text)};
    }
  }
  std::vector<std::string> names;
  for (const Listing& listing : List()) names.push_back(listing.name);
  return absl::NotFoundError(absl::StrCat(
      "no cost table '", name_or_path, "'", DidYouMean(name_or_path, names),
      "; 'opcost tables' lists them, and a path names a file"));
}

absl::StatusOr<CostTable> TableLibrary::Load(
    absl::string_view name_or_path) const {
  OPCOST_ASSIGN_OR_RETURN(const Text file, LoadText(name_or_path));
  const auto resolve =
      [this](absl::string_view name) -> absl::StatusOr<std::string> {
    OPCOST_ASSIGN_OR_RETURN(Text base, LoadText(name));
    return std::move(base.text);
  };
  return CostTable::Parse(file.path, file.text, resolve);
}

std::vector<TableLibrary::Listing> TableLibrary::List() const {
  std::map<std::string, std::string> paths;  // by name; empty: compiled in
  for (const std::string& folder : folders_) {
    paths.merge(TablesIn(folder));  // keeps what an earlier folder gave
  }
  for (const EmbeddedTable& table : EmbeddedTables()) {
    paths.emplace(table.name, "");
  }
  std::vector<Listing> listings;
  for (const auto& [name, path] : paths) {
    Listing listing;
    listing.name = name;
    listing.path = path;
    const absl::StatusOr<CostTable> table = Load(path.empty() ? name : path);
    if (table.ok()) {
      listing.title = table->title();
    } else {
      listing.problem = std::string(table.status().message());
    }
    listings.push_back(std::move(listing));
  }
  return listings;
}

absl::StatusOr<std::string> CopyOfTable(const TableLibrary::Text& original,
                                        absl::string_view new_name) {
  if (!IsTableName(new_name)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a table's name is a word of letters, digits, '-', '_' and '.', not '",
        new_name, "'"));
  }
  OPCOST_ASSIGN_OR_RETURN(const TomlValue root,
                          TomlValue::Parse(original.path, original.text));
  OPCOST_ASSIGN_OR_RETURN(const TomlValue* name,
                          root.Require("name", "the table's name"));
  OPCOST_ASSIGN_OR_RETURN(const std::string old_name, name->AsString());
  size_t start = 0;
  for (int line = 1; line < name->line(); ++line) {
    start = original.text.find('\n', start) + 1;
  }
  // The value's first quote, and the same one that ends it: a name has none.
  const size_t open = original.text.find_first_of(
      "\"'", start + static_cast<size_t>(name->column()) - 1);
  const size_t close = open == std::string::npos
                           ? open
                           : original.text.find(original.text[open], open + 1);
  if (!IsTableName(old_name) || close == std::string::npos) {
    return name->Error("expected a table's name, found '", old_name, "'");
  }
  std::string copy =
      absl::StrCat("# A copy of '", old_name,
                   "': change what you know better, and name your sources.\n",
                   original.text.substr(0, open), "\"", new_name, "\"",
                   original.text.substr(close + 1));
  OPCOST_ASSIGN_OR_RETURN(const TomlValue check,
                          TomlValue::Parse(original.path, copy));
  const TomlValue* copied = check.Find("name");
  if (copied == nullptr || copied->AsString().value_or("") != new_name) {
    return name->Error("expected the name on one line, as \"", old_name, "\"");
  }
  return copy;
}

}  // namespace opcost
