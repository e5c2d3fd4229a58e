// SPDX-License-Identifier: Apache-2.0
// Which operators the registry has, against checked-in lists of all there are.
#include "opcost/ops/registry.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace opcost {
namespace {

constexpr char kFolder[] = OPCOST_SOURCE_DIR "/tests/ops";

std::string PathOf(const std::string& file) {
  return absl::StrCat(kFolder, "/", file);
}

// The lines of a list, without comments.
std::vector<std::string> ReadList(const std::string& file) {
  std::ifstream stream(PathOf(file));
  EXPECT_TRUE(stream.is_open()) << file;
  std::vector<std::string> lines;
  std::string line;
  while (std::getline(stream, line)) {
    if (!line.empty() && line[0] != '#') lines.push_back(line);
  }
  return lines;
}

// Lines of "key: text".
std::map<std::string, std::string> ReadTable(const std::string& file) {
  std::map<std::string, std::string> table;
  for (const std::string& line : ReadList(file)) {
    const std::pair<std::string, std::string> cells =
        absl::StrSplit(line, absl::MaxSplits(": ", 1));
    EXPECT_FALSE(cells.second.empty()) << file << ": '" << line << "'";
    EXPECT_TRUE(table.insert(cells).second) << file << ": '" << line << "'";
  }
  return table;
}

std::string DomainText(absl::string_view domain) {
  return domain.empty() ? "ai.onnx" : std::string(domain);
}

// "ai.onnx Conv" of every row.
std::set<std::string> RegistryNames() {
  std::set<std::string> names;
  for (const OpDef& def : AllOps())
    names.insert(
        absl::StrCat(DomainText(def.domain), " ", std::string(def.name)));
  return names;
}

// Expects a row for each version in `file`, unless `missing` lists it; takes
// what it lists, and lacks a row, off it.
void ExpectRows(const std::string& file,
                std::map<std::string, std::string>* missing) {
  for (const std::string& line : ReadList(file)) {
    const std::vector<std::string> cells = absl::StrSplit(line, ' ');
    ASSERT_GE(cells.size(), 3U) << line;
    const std::string domain = cells[0] == "ai.onnx" ? "" : cells[0];
    for (size_t i = 2; i < cells.size(); ++i) {
      int since = 0;
      ASSERT_TRUE(absl::SimpleAtoi(cells[i], &since)) << line;
      const std::string key = absl::StrCat(cells[0], " ", cells[1], " ", since);
      const bool is_known = FindOp(domain, cells[1], since) != nullptr;
      const bool is_listed = missing->erase(key) > 0;
      EXPECT_TRUE(is_known || is_listed) << key << " has no row";
      EXPECT_FALSE(is_known && is_listed)
          << key << " has a row: take it off missing_operators.txt";
    }
  }
}

TEST(Registry, HasEveryOperatorOfOnnxAndTheNamedContribOnes) {
  std::map<std::string, std::string> missing =
      ReadTable("missing_operators.txt");
  ExpectRows("onnx_operators.txt", &missing);
  ExpectRows("contrib_operators.txt", &missing);
  for (const auto& [key, reason] : missing)
    ADD_FAILURE() << key << " of missing_operators.txt is in no list";
}

TEST(Registry, HasNoRowTwice) {
  const absl::Span<const OpDef> rows = AllOps();
  for (size_t i = 1; i < rows.size(); ++i) {
    EXPECT_FALSE(rows[i - 1].domain == rows[i].domain &&
                 rows[i - 1].name == rows[i].name &&
                 rows[i - 1].since == rows[i].since)
        << std::string(rows[i].name);
  }
}

TEST(Registry, EveryRowSaysWhatItIs) {
  for (const OpDef& def : AllOps()) {
    SCOPED_TRACE(std::string(def.name));
    EXPECT_NE(def.infer, nullptr);
    EXPECT_FALSE(def.description.empty());
    EXPECT_EQ(def.count == nullptr, !def.uncountable.empty());
  }
}

// The sources of this folder that define the suite `suite`.
std::vector<std::string> SourcesOf(
    const std::map<std::string, std::string>& sources,
    const std::string& suite) {
  std::vector<std::string> found;
  for (const auto& [path, text] : sources) {
    if (absl::StrContains(text, absl::StrCat("(", suite, ",")))
      found.push_back(path);
  }
  return found;
}

std::map<std::string, std::string> ReadSources() {
  std::map<std::string, std::string> sources;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    if (!absl::EndsWith(entry.path().string(), "_test.cc")) continue;
    std::ifstream file(entry.path());
    std::ostringstream text;
    text << file.rdbuf();
    sources[entry.path().filename().string()] = text.str();
  }
  return sources;
}

// A suite that counts the operator, or in parentheses why none does.
TEST(Registry, EveryOperatorHasACountingTestOrAReason) {
  const std::map<std::string, std::string> sources = ReadSources();
  std::map<std::string, std::string> table = ReadTable("counting_tests.txt");
  for (const std::string& key : RegistryNames()) {
    const auto row = table.find(key);
    if (row == table.end()) {
      ADD_FAILURE() << "counting_tests.txt lacks " << key;
      continue;
    }
    const std::string suite = row->second;
    table.erase(row);
    if (absl::StartsWith(suite, "(")) continue;
    const std::string name = key.substr(key.find(' ') + 1);
    bool is_named = false;
    for (const std::string& path : SourcesOf(sources, suite))
      is_named |=
          absl::StrContains(sources.at(path), absl::StrCat("\"", name, "\""));
    EXPECT_TRUE(is_named) << "no source of suite '" << suite << "' names \""
                          << name << "\"";
  }
  for (const auto& [key, suite] : table)
    ADD_FAILURE() << key << " of counting_tests.txt is no operator";
}

}  // namespace
}  // namespace opcost
