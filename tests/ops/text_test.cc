// SPDX-License-Identifier: Apache-2.0
// Operators on strings and ImageDecoder: shapes alone, since their work can't
// be counted.
#include <gtest/gtest.h>

#include <utility>

#include "tests/support/op_cases.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

const Extent kN = Extent::Symbol("N");

OneNode OfStrings(const char* op, int opset, Dims dims) {
  return OneNode(op, opset).Input(std::move(dims), DataType::kString);
}

TEST(StringConcat, Broadcasts) {
  ExpectInfers({
      {OfStrings("StringConcat", 20, {3, 1}).Input({4}, DataType::kString),
       "string 3x4"},
      {OfStrings("StringConcat", 20, {3}).Input({3}),
       "StringConcat 'o0': operand 1 must hold strings but is float32"},
  });
}

TEST(StringNormalizer, DropsStopWordsAlone) {
  ExpectInfers({
      {OfStrings("StringNormalizer", 10, {4}), "string 4"},
      {OfStrings("StringNormalizer", 10, {0}), "string 1"},
      {OfStrings("StringNormalizer", 10, {1, 4}), "string 1x4"},
      {OfStrings("StringNormalizer", 10, {4}).AttrStrings("stopwords", {"a"}),
       "string o0#0"},
      {OfStrings("StringNormalizer", 10, {1, kN})
           .AttrStrings("stopwords", {"a"}),
       "string 1xo0#1"},
      {OfStrings("StringNormalizer", 10, {2, 4}),
       "StringNormalizer 'o0': the input must be C or 1xC but is 2x4"},
      {OfStrings("StringNormalizer", 10, {1, 4}).Attr("stopwords", 1),
       "StringNormalizer 'o0': attribute 'stopwords' must be a list of "
       "strings"},
  });
  OneNode node = OfStrings("StringNormalizer", 10, {4});
  node.AttrStrings("stopwords", {"a"});
  ASSERT_OK_AND_ASSIGN(const OutputTypes types, node.Infer());
  ASSERT_EQ(types.data_extents.size(), 1);
  EXPECT_TRUE(types.data_extents[0].at_most.Is(4));
}

TEST(StringSplit, PutsPartsOnANewAxis) {
  ExpectInfers({
      {OfStrings("StringSplit", 20, {2, 3}), "string 2x3xo0#2"},
      {OfStrings("StringSplit", 20, {0}), "string 0x0"},
      {OfStrings("StringSplit", 20, {2, kN}).Outputs(2), "int64 2xN", 1},
  });
  OneNode node = OfStrings("StringSplit", 20, {2});
  node.Attr("maxsplit", 1);
  ASSERT_OK_AND_ASSIGN(const OutputTypes types, node.Infer());
  ASSERT_EQ(types.data_extents.size(), 1);
  EXPECT_TRUE(types.data_extents[0].at_most.Is(1 + 1));
}

TEST(RegexFullMatch, GivesABoolPerString) {
  ExpectInfers({{OfStrings("RegexFullMatch", 20, {2, 3}), "bool 2x3"},
                {OneNode("RegexFullMatch", 20),
                 "RegexFullMatch 'o0': operand 0 is missing"}});
}

OneNode TfIdf(Dims dims, Numbers indexes) {
  return OneNode("TfIdfVectorizer", 9)
      .Input(std::move(dims), DataType::kInt64)
      .Attr("ngram_indexes", std::move(indexes));
}

TEST(TfIdfVectorizer, IsAsLongAsItsLargestIndex) {
  ExpectInfers({
      {TfIdf({12}, {0, 6, 2}), "float32 7"},
      {TfIdf({kN, 12}, {3}), "float32 Nx4"},
      {TfIdf({2, 3, 4}, {3}),
       "TfIdfVectorizer 'o0': the input must have 1 or 2 axes but has 3"},
      {TfIdf({12}, {}),
       "TfIdfVectorizer 'o0': attribute 'ngram_indexes' is missing or empty"},
      {TfIdf({12}, {4, -1}),
       "TfIdfVectorizer 'o0': ngram_indexes has -1 but an index can't be "
       "negative"},
  });
}

TEST(ImageDecoder, KnowsTheChannelsAlone) {
  const auto decoder = [](const char* format) {
    return OneNode("ImageDecoder", 20)
        .Input({1000}, DataType::kUint8)
        .Attr("pixel_format", format);
  };
  ExpectInfers({
      {decoder("BGR"), "uint8 o0#0xo0#1x3"},
      {decoder("Grayscale"), "uint8 o0#0xo0#1x1"},
      {decoder("CMYK"),
       "ImageDecoder 'o0': pixel_format 'CMYK' is none of RGB, BGR and "
       "Grayscale"},
      {OneNode("ImageDecoder", 20).Input({4, 4}, DataType::kUint8),
       "ImageDecoder 'o0': the encoded stream must have 1 axis but has 2"},
  });
}

TEST(TextOperators, CantBeCounted) {
  struct Case {
    const char* op;
    int opset;
  };
  for (const Case& c : {Case{"ImageDecoder", 20}, Case{"RegexFullMatch", 20},
                        Case{"StringConcat", 20}, Case{"StringNormalizer", 10},
                        Case{"StringSplit", 20}, Case{"TfIdfVectorizer", 9}}) {
    const OpDef* row = OneNode(c.op, c.opset).def();
    ASSERT_NE(row, nullptr) << c.op;
    EXPECT_EQ(row->count, nullptr) << c.op;
    EXPECT_FALSE(row->uncountable.empty()) << c.op;
  }
}

}  // namespace
}  // namespace opcost
