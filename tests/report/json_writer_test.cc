// SPDX-License-Identifier: Apache-2.0
#include "src/report/json_writer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace opcost {
namespace {

using Layout = JsonWriter::Layout;
using Lines = JsonWriter::Lines;

void WriteSample(JsonWriter& json) {
  json.BeginObject();
  json.Member("name", "conv1");
  json.Key("shape").BeginArray(Lines::kOne).Int(1).Int(96).String("N");
  json.EndArray();
  json.Key("rows").BeginArray();
  json.BeginObject(Lines::kOne).Member("pj", 2.0).Member("ok", true);
  json.EndObject();
  json.BeginObject(Lines::kOne).EndObject();
  json.EndArray();
  json.Key("none").BeginArray().EndArray();
  json.Key("null").Null();
  json.EndObject();
}

TEST(JsonWriterTest, IndentsByTwoAndKeepsLeavesOnALine) {
  JsonWriter json(Layout::kIndented);
  WriteSample(json);
  EXPECT_EQ(json.Take(), R"({
  "name": "conv1",
  "shape": [1, 96, "N"],
  "rows": [
    {"pj": 2.0, "ok": true},
    {}
  ],
  "none": [],
  "null": null
})");
}

TEST(JsonWriterTest, IsWithoutWhiteSpaceWhereCompact) {
  JsonWriter json(Layout::kCompact);
  WriteSample(json);
  EXPECT_EQ(json.Take(),
            R"({"name":"conv1","shape":[1,96,"N"],)"
            R"("rows":[{"pj":2.0,"ok":true},{}],"none":[],"null":null})");
}

TEST(JsonWriterTest, EscapesWhatJsonReserves) {
  JsonWriter json(Layout::kCompact);
  json.String("a\"b\\c/\b\f\n\r\t\x01\x1f\x7f é");
  const std::string text = json.Take();
  EXPECT_EQ(text, "\"a\\\"b\\\\c/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f é\"");
  EXPECT_EQ(nlohmann::json::parse(text).get<std::string>(),
            "a\"b\\c/\b\f\n\r\t\x01\x1f\x7f é");
}

TEST(JsonWriterTest, ReplacesBytesThatAreNotUtf8) {
  JsonWriter json(Layout::kCompact);
  json.String("a\xFFz");
  EXPECT_EQ(json.Take(), "\"a�z\"");
}

TEST(JsonWriterTest, EscapesANulByte) {
  JsonWriter json(Layout::kCompact);
  json.String(absl::string_view("a\0b", 3));
  EXPECT_EQ(json.Take(), "\"a\\u0000b\"");
}

TEST(JsonWriterTest, IntegersAreExact) {
  JsonWriter json(Layout::kCompact);
  json.Int(std::numeric_limits<int64_t>::max());
  EXPECT_EQ(json.Take(), "9223372036854775807");
}

TEST(JsonWriterTest, DoublesReadBackAsTheSameNumber) {
  for (const double number : {0.1, 1.0 / 3, 5e-324, 1.7976931348623157e308,
                              375982041.6, 5080838400.0}) {
    JsonWriter json(Layout::kCompact);
    json.Double(number);
    const auto parsed = nlohmann::json::parse(json.Take());
    EXPECT_TRUE(parsed.is_number_float());
    EXPECT_EQ(parsed.get<double>(), number);
  }
}

TEST(JsonWriterTest, WhatIsNoNumberIsNull) {
  JsonWriter json(Layout::kCompact);
  json.BeginArray();
  json.Double(std::nan("")).Double(std::numeric_limits<double>::infinity());
  json.EndArray();
  EXPECT_EQ(json.Take(), "[null,null]");
}

}  // namespace
}  // namespace opcost
