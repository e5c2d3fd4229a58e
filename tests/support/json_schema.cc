// SPDX-License-Identifier: Apache-2.0
#include "tests/support/json_schema.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <regex>

#include "absl/strings/str_cat.h"

namespace opcost {
namespace {

using nlohmann::json;

constexpr std::array<absl::string_view, 17> kKnownKeywords = {
    "$schema",     "$id",  "$defs",    "$ref",       "title",
    "description", "type", "required", "properties", "additionalProperties",
    "items",       "enum", "const",    "pattern",    "minimum",
    "oneOf",       "anyOf"};

bool HasType(const json& value, absl::string_view type) {
  if (type == "null") return value.is_null();
  if (type == "boolean") return value.is_boolean();
  if (type == "string") return value.is_string();
  if (type == "array") return value.is_array();
  if (type == "object") return value.is_object();
  if (type == "number") return value.is_number();
  return type == "integer" && value.is_number_integer();
}

class Validator {
 public:
  explicit Validator(const json& root) : root_(root) {}

  std::vector<std::string> Check(const json& schema, const json& value) {
    violations_.clear();
    Visit(schema, value, "");
    return violations_;
  }

 private:
  void Fail(const std::string& place, absl::string_view what) {
    violations_.push_back(
        absl::StrCat(place.empty() ? "/" : place, ": ", what));
  }

  void Visit(const json& schema, const json& value, const std::string& place) {
    if (schema.is_boolean()) {
      if (!schema.get<bool>()) Fail(place, "nothing is allowed here");
      return;
    }
    for (const auto& [keyword, unused] : schema.items()) {
      if (std::find(kKnownKeywords.begin(), kKnownKeywords.end(),
                    absl::string_view(keyword)) == kKnownKeywords.end()) {
        Fail(place, absl::StrCat("the schema's keyword '", keyword,
                                 "' isn't known to the validator"));
      }
    }
    if (schema.contains("$ref")) FollowReference(schema, value, place);
    CheckType(schema, value, place);
    CheckScalar(schema, value, place);
    if (value.is_object()) CheckObject(schema, value, place);
    if (value.is_array() && schema.contains("items")) {
      for (size_t i = 0; i < value.size(); ++i) {
        Visit(schema["items"], value[i], absl::StrCat(place, "/", i));
      }
    }
    CheckAlternatives(schema, value, place);
  }

  void FollowReference(const json& schema, const json& value,
                       const std::string& place) {
    const auto reference = schema["$ref"].get<std::string>();
    const std::string prefix = "#/$defs/";
    const bool is_local = reference.compare(0, prefix.size(), prefix) == 0;
    const std::string name = is_local ? reference.substr(prefix.size()) : "";
    if (!is_local || !root_.contains("$defs") ||
        !root_["$defs"].contains(name)) {
      Fail(place, absl::StrCat("the schema has no '", reference, "'"));
      return;
    }
    Visit(root_["$defs"][name], value, place);
  }

  void CheckType(const json& schema, const json& value,
                 const std::string& place) {
    if (!schema.contains("type")) return;
    const json& type = schema["type"];
    const json types = type.is_array() ? type : json::array({type});
    for (const json& each : types) {
      if (HasType(value, each.get<std::string>())) return;
    }
    Fail(place, absl::StrCat(value.dump(), " isn't of type ", type.dump()));
  }

  void CheckScalar(const json& schema, const json& value,
                   const std::string& place) {
    if (schema.contains("const") && schema["const"] != value) {
      Fail(place,
           absl::StrCat(value.dump(), " isn't ", schema["const"].dump()));
    }
    if (schema.contains("enum")) {
      const json& all = schema["enum"];
      if (std::find(all.begin(), all.end(), value) == all.end()) {
        Fail(place, absl::StrCat(value.dump(), " is none of ", all.dump()));
      }
    }
    if (schema.contains("pattern") && value.is_string() &&
        !std::regex_search(value.get<std::string>(),
                           std::regex(schema["pattern"].get<std::string>()))) {
      Fail(place, absl::StrCat(value.dump(), " doesn't match ",
                               schema["pattern"].dump()));
    }
    if (schema.contains("minimum") && value.is_number() &&
        value < schema["minimum"]) {
      Fail(place,
           absl::StrCat(value.dump(), " is below ", schema["minimum"].dump()));
    }
  }

  void CheckObject(const json& schema, const json& value,
                   const std::string& place) {
    for (const json& key : schema.value("required", json::array())) {
      if (!value.contains(key.get<std::string>())) {
        Fail(place, absl::StrCat("lacks the key ", key.dump()));
      }
    }
    const json properties = schema.value("properties", json::object());
    for (const auto& [key, member] : value.items()) {
      const std::string member_place = absl::StrCat(place, "/", key);
      if (properties.contains(key)) {
        Visit(properties[key], member, member_place);
      } else if (schema.contains("additionalProperties")) {
        Visit(schema["additionalProperties"], member, member_place);
      }
    }
  }

  void CheckAlternatives(const json& schema, const json& value,
                         const std::string& place) {
    for (const char* keyword : {"anyOf", "oneOf"}) {
      if (!schema.contains(keyword)) continue;
      int fitting = 0;
      std::string reasons;
      for (const json& alternative : schema[keyword]) {
        Validator trial(root_);
        const std::vector<std::string> failures =
            trial.Check(alternative, value);
        if (failures.empty()) {
          ++fitting;
        } else {
          absl::StrAppend(&reasons, "; ", failures[0]);
        }
      }
      const bool is_one = absl::string_view(keyword) == "oneOf";
      if (fitting == 0 || (is_one && fitting > 1)) {
        Fail(place, absl::StrCat(fitting, " alternatives of ", keyword, " fit",
                                 reasons));
      }
    }
  }

  const json& root_;
  std::vector<std::string> violations_;
};

}  // namespace

std::vector<std::string> SchemaViolations(const json& schema,
                                          const json& document) {
  return Validator(schema).Check(schema, document);
}

std::vector<std::string> SchemaViolations(const json& schema,
                                          absl::string_view definition,
                                          const json& document) {
  const json reference = {{"$ref", absl::StrCat("#/$defs/", definition)}};
  return Validator(schema).Check(reference, document);
}

json LoadSchema(absl::string_view name) {
  std::ifstream file(
      absl::StrCat(OPCOST_SOURCE_DIR, "/schemas/", name, ".schema.json"));
  return json::parse(file, nullptr, /*allow_exceptions=*/false);
}

}  // namespace opcost
