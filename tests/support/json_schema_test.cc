// SPDX-License-Identifier: Apache-2.0
#include "tests/support/json_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace opcost {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Case {
  const char* name;
  const char* schema;
  const char* valid;
  const char* invalid;
  const char* violation;
};

void PrintTo(const Case& c, std::ostream* os) { *os << c.name; }

class JsonSchemaTest : public ::testing::TestWithParam<Case> {};

TEST_P(JsonSchemaTest, TellsValidFromInvalid) {
  const Case& c = GetParam();
  const json schema = json::parse(c.schema);
  EXPECT_THAT(SchemaViolations(schema, json::parse(c.valid)), IsEmpty());
  EXPECT_THAT(SchemaViolations(schema, json::parse(c.invalid)),
              ElementsAre(c.violation));
}

INSTANTIATE_TEST_SUITE_P(
    Keywords, JsonSchemaTest,
    ::testing::Values(
        Case{"Type", R"({"type": "integer"})", "3", "3.5",
             R"(/: 3.5 isn't of type "integer")"},
        Case{"Types", R"({"type": ["string", "null"]})", "null", "1",
             R"(/: 1 isn't of type ["string","null"])"},
        Case{"Required", R"({"required": ["a"]})", R"({"a": 1})", R"({"b": 1})",
             R"(/: lacks the key "a")"},
        Case{"Properties", R"({"properties": {"a": {"type": "string"}}})",
             R"({"a": "x", "b": 1})", R"({"a": 1})",
             R"(/a: 1 isn't of type "string")"},
        Case{"AdditionalProperties",
             R"({"properties": {"a": {}}, "additionalProperties": false})",
             R"({"a": 1})", R"({"b": 1})", "/b: nothing is allowed here"},
        Case{"AdditionalPropertiesSchema",
             R"({"additionalProperties": {"type": "integer"}})", R"({"b": 1})",
             R"({"b": ""})", R"(/b: "" isn't of type "integer")"},
        Case{"Items", R"({"items": {"type": "integer"}})", "[1, 2]", "[1, []]",
             R"(/1: [] isn't of type "integer")"},
        Case{"Enum", R"({"enum": ["a", null]})", "null", R"("b")",
             R"(/: "b" is none of ["a",null])"},
        Case{"Const", R"({"const": "a"})", R"("a")", R"("b")",
             R"(/: "b" isn't "a")"},
        Case{"Pattern", R"({"pattern": "^[a-z]+$"})", R"("ab")", R"("a1")",
             R"(/: "a1" doesn't match "^[a-z]+$")"},
        Case{"Minimum", R"({"minimum": 0})", "0", "-1", "/: -1 is below 0"},
        Case{"Reference",
             R"({"$ref": "#/$defs/n", "$defs": {"n": {"type": "null"}}})",
             "null", "1", R"(/: 1 isn't of type "null")"},
        Case{"AnyOf", R"({"anyOf": [{"type": "null"}, {"minimum": 3}]})", "4",
             "1",
             "/: 0 alternatives of anyOf fit; /: 1 isn't of type \"null\"; /: "
             "1 is below 3"},
        Case{"OneOf", R"({"oneOf": [{"type": "integer"}, {"minimum": 3}]})",
             "1", "4", "/: 2 alternatives of oneOf fit"}),
    [](const auto& each) { return std::string(each.param.name); });

TEST(JsonSchemaTest, AKeywordThatItDoesNotKnowIsAViolation) {
  EXPECT_THAT(
      SchemaViolations(json::parse(R"({"maximum": 3})"), json(1)),
      ElementsAre(
          "/: the schema's keyword 'maximum' isn't known to the validator"));
}

TEST(JsonSchemaTest, AReferenceToNothingIsAViolation) {
  EXPECT_THAT(
      SchemaViolations(json::parse(R"({"$ref": "#/$defs/a"})"), json(1)),
      ElementsAre("/: the schema has no '#/$defs/a'"));
}

}  // namespace
}  // namespace opcost
