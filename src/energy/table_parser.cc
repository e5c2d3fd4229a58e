// SPDX-License-Identifier: Apache-2.0
// A cost table's file from the top: names, sources, and the tables it extends.
#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "opcost/support/digest.h"
#include "opcost/support/status_macros.h"
#include "src/energy/table_content.h"
#include "src/energy/table_sections.h"

namespace opcost {
namespace {

constexpr absl::string_view kSchema = "opcost.costtable/1";
constexpr size_t kMaxChain = 8;
constexpr absl::string_view kBuiltIn = "built in";

struct DefaultFunction {
  ArithOp op;
  int mul;
  int add;
};

// Cost model, section 3.4.
constexpr DefaultFunction kDefaultFunctions[] = {
    {ArithOp::kDiv, 5, 2},       {ArithOp::kSqrt, 8, 2},
    {ArithOp::kExp, 10, 11},     {ArithOp::kLog, 14, 13},
    {ArithOp::kPow, 25, 24},     {ArithOp::kSin, 9, 8},
    {ArithOp::kCos, 9, 8},       {ArithOp::kTan, 23, 18},
    {ArithOp::kErf, 23, 19},     {ArithOp::kTanh, 16, 15},
    {ArithOp::kSigmoid, 15, 14},
};

// What every table starts from.
TableContent Defaults() {
  TableContent content;
  content.sources.push_back(
      {std::string(kDefaultFunctionsId),
       "opcost's cost model: Newton-Raphson steps for div and sqrt; Cephes "
       "single precision for exp, log, sin and cos; Abramowitz and Stegun "
       "7.1.26 for erf; the others composed of these",
       "section 3.4"});
  for (const DefaultFunction& function : kDefaultFunctions) {
    FunctionCost& cost =
        content.functions[static_cast<size_t>(function.op)].cost;
    cost.mul = function.mul;
    cost.add = function.add;
    cost.source = std::string(kDefaultFunctionsId);
    cost.table = std::string(kBuiltIn);
  }
  return content;
}

absl::Status ParseSources(const TomlValue& section, TableContent& content) {
  OPCOST_RETURN_IF_ERROR(section.CheckIsTable());
  for (const TomlEntry& entry : section.entries()) {
    OPCOST_RETURN_IF_ERROR(entry.value.CheckIsTable());
    OPCOST_RETURN_IF_ERROR(entry.value.CheckKeys({"cite", "where"}));
    Source source;
    source.id = entry.key;
    if (source.id.empty() || source.id == kDefaultFunctionsId) {
      return entry.Error("the source id '", source.id,
                         "' is taken; expected another one");
    }
    OPCOST_ASSIGN_OR_RETURN(
        const TomlValue* cite,
        entry.value.Require("cite", "author, title, place and year"));
    OPCOST_ASSIGN_OR_RETURN(source.cite, cite->AsString());
    if (source.cite.empty()) {
      return cite->Error("expected author, title, place and year, found ''");
    }
    if (const TomlValue* where = entry.value.Find("where")) {
      OPCOST_ASSIGN_OR_RETURN(source.where, where->AsString());
    }
    const auto known = std::find_if(
        content.sources.begin(), content.sources.end(),
        [&](const Source& other) { return other.id == source.id; });
    if (known == content.sources.end()) {
      content.sources.push_back(std::move(source));
    } else if (known->cite != source.cite || known->where != source.where) {
      return entry.Error("source '", source.id,
                         "' is another one in a table that this one extends; "
                         "expected an id of its own");
    }
  }
  return absl::OkStatus();
}

// Reads one file over the content of the tables that it extends.
class TableParser {
 public:
  explicit TableParser(const CostTable::Resolver& resolve)
      : resolve_(resolve) {}

  absl::StatusOr<TableContent> Parse(absl::string_view path,
                                     absl::string_view text);

 private:
  absl::StatusOr<TableContent> ParseBase(const TomlValue& extends);
  absl::Status ParseHead(const TomlValue& root, bool has_base,
                         TableContent& content);
  absl::Status ParseSections(const TomlValue& root, bool has_base,
                             TableContent& content);

  const CostTable::Resolver& resolve_;
  std::vector<std::string> chain_;  // names so far, nearest first
};

absl::StatusOr<TableContent> TableParser::ParseBase(const TomlValue& extends) {
  OPCOST_ASSIGN_OR_RETURN(const std::string name, extends.AsString());
  const bool is_circular =
      std::find(chain_.begin(), chain_.end(), name) != chain_.end();
  chain_.push_back(name);
  if (is_circular) {
    return extends.Error("'extends' comes back to '", name, "' (",
                         absl::StrJoin(chain_, " -> "),
                         "); expected a chain that ends");
  }
  if (chain_.size() > kMaxChain) {
    return extends.Error("a chain of more than ", kMaxChain,
                         " tables; expected a shorter one");
  }
  absl::StatusOr<std::string> text =
      resolve_
          ? resolve_(name)
          : absl::NotFoundError(absl::StrCat("no cost table '", name, "'"));
  if (!text.ok()) {
    return extends.Error("can't extend '", name,
                         "': ", text.status().message());
  }
  return Parse(name, *text);
}

absl::Status TableParser::ParseHead(const TomlValue& root, bool has_base,
                                    TableContent& content) {
  content.title.clear();
  if (const TomlValue* title = root.Find("title")) {
    OPCOST_ASSIGN_OR_RETURN(content.title, title->AsString());
  }
  if (const TomlValue* unit = root.Find("unit")) {
    OPCOST_ASSIGN_OR_RETURN(const std::string name, unit->AsString());
    if (name != "pJ" && name != "relative") {
      return unit->Error("expected \"pJ\" or \"relative\", found '", name, "'");
    }
    const EnergyUnit parsed =
        name == "pJ" ? EnergyUnit::kPicojoule : EnergyUnit::kRelative;
    if (has_base && parsed != content.unit) {
      return unit->Error("the unit '", name,
                         "' isn't that of the table that this one extends; "
                         "expected the same");
    }
    content.unit = parsed;
  }
  if (const TomlValue* interpolate = root.Find("interpolate")) {
    OPCOST_ASSIGN_OR_RETURN(content.interpolates, interpolate->AsBoolean());
  }
  content.fit.reset();  // a base's fit says nothing of this table
  if (const TomlValue* fit = root.Find("fit")) {
    OPCOST_RETURN_IF_ERROR(ParseFit(*fit, content));
  }
  if (const TomlValue* sources = root.Find("source")) {
    OPCOST_RETURN_IF_ERROR(ParseSources(*sources, content));
  }
  return absl::OkStatus();
}

absl::Status TableParser::ParseSections(const TomlValue& root, bool has_base,
                                        TableContent& content) {
  SourceScope scope(content.sources, content.name);
  if (const TomlValue* id = root.Find("default_source")) {
    OPCOST_ASSIGN_OR_RETURN(scope, scope.Named(*id));
  }
  if (!has_base) {
    OPCOST_RETURN_IF_ERROR(
        root.Require("arithmetic", "a section [arithmetic]").status());
    OPCOST_RETURN_IF_ERROR(
        root.Require("memory", "at least one [[memory]] tier").status());
  }
  if (const TomlValue* arithmetic = root.Find("arithmetic")) {
    OPCOST_RETURN_IF_ERROR(ParseArithmetic(*arithmetic, scope, content));
  }
  if (const TomlValue* memory = root.Find("memory")) {
    OPCOST_RETURN_IF_ERROR(ParseMemory(*memory, scope, content));
  }
  if (const TomlValue* functions = root.Find("functions")) {
    OPCOST_RETURN_IF_ERROR(ParseFunctions(*functions, scope, content));
  }
  if (const TomlValue* power = root.Find("static")) {
    OPCOST_RETURN_IF_ERROR(ParseStatic(*power, scope, content));
  }
  return absl::OkStatus();
}

absl::StatusOr<TableContent> TableParser::Parse(absl::string_view path,
                                                absl::string_view text) {
  OPCOST_ASSIGN_OR_RETURN(const TomlValue root, TomlValue::Parse(path, text));
  OPCOST_ASSIGN_OR_RETURN(
      const TomlValue* schema,
      root.Require("schema", absl::StrCat("schema = \"", kSchema, "\"")));
  OPCOST_ASSIGN_OR_RETURN(const std::string schema_name, schema->AsString());
  if (schema_name != kSchema) {
    return schema->Error("expected schema \"", kSchema, "\", found '",
                         schema_name, "'");
  }
  OPCOST_RETURN_IF_ERROR(
      root.CheckKeys({"schema", "name", "title", "extends", "unit",
                      "interpolate", "default_source", "source", "arithmetic",
                      "memory", "functions", "static", "fit"}));
  OPCOST_ASSIGN_OR_RETURN(const TomlValue* name,
                          root.Require("name", "the table's name"));
  OPCOST_ASSIGN_OR_RETURN(const std::string own_name, name->AsString());
  if (!IsTableName(own_name)) {
    return name->Error(
        "expected a word of letters, digits, '-', '_' and '.', found '",
        own_name, "'");
  }
  if (chain_.empty()) chain_.push_back(own_name);
  const TomlValue* extends = root.Find("extends");
  TableContent content = Defaults();
  if (extends != nullptr) {
    OPCOST_ASSIGN_OR_RETURN(content, ParseBase(*extends));
    content.bases.insert(content.bases.begin(), content.name);
  }
  content.name = own_name;
  content.texts = extends == nullptr
                      ? std::string(text)
                      : absl::StrCat(text, std::string(1, '\0'), content.texts);
  OPCOST_RETURN_IF_ERROR(ParseHead(root, extends != nullptr, content));
  OPCOST_RETURN_IF_ERROR(ParseSections(root, extends != nullptr, content));
  return content;
}

// The rates by index of the tiers that are left.
std::optional<StaticPower> ToStaticPower(const TableContent& content) {
  if (!content.static_section.has_value()) return std::nullopt;
  StaticPower power;
  power.watts = content.static_section->watts;
  power.pj_per_operator = content.static_section->pj_per_operator;
  power.macs_per_second = content.static_section->macs_per_second;
  for (size_t t = 0; t < content.tiers.size(); ++t) {
    const auto& rates = content.static_section->bytes_per_second;
    const auto rate = rates.find(content.tiers[t].name);
    if (rate != rates.end()) {
      power.bytes_per_second[static_cast<int>(t)] = rate->second;
    }
  }
  return power;
}

}  // namespace

bool IsTableName(absl::string_view name) {
  return !name.empty() && name.size() <= 128 &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                  c == '-' || c == '_' || c == '.';
         });
}

bool ArithmeticEntry::is_generic() const {
  NumberFormat generic = format;
  generic.type = DataType::kUndefined;
  return key == ToString(generic);
}

absl::StatusOr<TableContent> ParseTable(absl::string_view path,
                                        absl::string_view text,
                                        const CostTable::Resolver& resolve) {
  OPCOST_ASSIGN_OR_RETURN(TableContent content,
                          TableParser(resolve).Parse(path, text));
  content.digest = DigestOf(content.texts);
  content.texts.clear();
  content.static_power = ToStaticPower(content);
  return content;
}

}  // namespace opcost
