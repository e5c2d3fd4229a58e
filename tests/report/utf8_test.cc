// SPDX-License-Identifier: Apache-2.0
#include "src/report/utf8.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace opcost {
namespace {

struct Bytes {
  const char* name;
  const char* bytes;
  const char* valid;
};

void PrintTo(const Bytes& b, std::ostream* os) { *os << b.name; }

class ValidUtf8Test : public ::testing::TestWithParam<Bytes> {};

TEST_P(ValidUtf8Test, ReplacesWhatIsNotUtf8ByteByByte) {
  EXPECT_EQ(ValidUtf8(GetParam().bytes), GetParam().valid);
  EXPECT_EQ(ValidUtf8(GetParam().valid), GetParam().valid);
}

INSTANTIATE_TEST_SUITE_P(
    Bytes, ValidUtf8Test,
    ::testing::Values(Bytes{"Ascii", "conv1", "conv1"},
                      Bytes{"TwoBytes", "\xC3\xA9", "é"},
                      Bytes{"ThreeBytes", "\xE5\xB1\x82", "层"},
                      Bytes{"FourBytes", "\xF0\x9F\x98\x80", "😀"},
                      Bytes{"LoneContinuation", "a\x80z", "a�z"},
                      Bytes{"CutOff", "a\xE5\xB1", "a��"},
                      Bytes{"Overlong", "\xC0\xAF", "��"},
                      Bytes{"OverlongOfThree", "\xE0\x80\xAF", "���"},
                      Bytes{"OverlongOfFour", "\xF0\x80\x80\xAF", "����"},
                      Bytes{"Surrogate", "\xED\xA0\x80", "���"},
                      Bytes{"BeyondUnicode", "\xF4\x90\x80\x80", "����"},
                      Bytes{"NoSuchByte", "\xFF", "�"},
                      Bytes{"LatinOne", "caf\xE9!", "caf�!"}),
    [](const auto& each) { return std::string(each.param.name); });

TEST(OneLineTest, LeavesNothingThatCouldDriveATerminal) {
  EXPECT_EQ(OneLine("a\nb\r\tc"), "a�b��c");
  EXPECT_EQ(OneLine("\x1b[31mred"), "�[31mred");
  EXPECT_EQ(OneLine("\x7f\xC2\x9B"), "��");
  EXPECT_EQ(OneLine("\xC2\xA0é"), "\xC2\xA0é");
}

TEST(IsPrintableAsciiTest, SeesABadByteAtAnyPlace) {
  for (size_t size = 0; size < 20; ++size) {
    EXPECT_TRUE(IsPrintableAscii(std::string(size, ' ')));
    EXPECT_TRUE(IsPrintableAscii(std::string(size, '~')));
    for (size_t at = 0; at < size; ++at) {
      for (const char bad : {'\0', '\x1F', '\x7F', '\x80', '\xFF'}) {
        std::string text(size, 'a');
        text[at] = bad;
        EXPECT_FALSE(IsPrintableAscii(text)) << size << " " << at;
      }
    }
  }
}

TEST(CodePointsTest, CountsAtAnyPlace) {
  for (int before = 0; before < 20; ++before) {
    const std::string ascii(static_cast<size_t>(before), 'a');
    EXPECT_EQ(CodePoints(ascii + "é层😀b"), before + 4);
    EXPECT_EQ(CodePoints("层层层层层层" + ascii), 6 + before);
  }
}

TEST(CodePointsTest, CountsWhatIsShownNotBytes) {
  EXPECT_EQ(CodePoints(""), 0);
  EXPECT_EQ(CodePoints("conv"), 4);
  EXPECT_EQ(CodePoints("卷积层"), 3);
}

TEST(ElideTest, KeepsBothEnds) {
  EXPECT_EQ(Elide("features/conv1", 14), "features/conv1");
  EXPECT_EQ(Elide("features/conv1", 9), "feat…onv1");
  EXPECT_EQ(Elide("features/conv1", 8), "feat…nv1");
  EXPECT_EQ(Elide("features/conv1", 2), "f…");
  EXPECT_EQ(Elide("features/conv1", 1), "…");
  EXPECT_EQ(Elide("features/conv1", 0), "");
}

TEST(ElideTest, NeverCutsACodePoint) {
  EXPECT_EQ(Elide("一二三四五六七", 5), "一二…六七");
}

TEST(FirstCodePointsTest, TakesWholeOnes) {
  EXPECT_EQ(FirstCodePoints("一二三", 2), "一二");
  EXPECT_EQ(FirstCodePoints("ab", 5), "ab");
  EXPECT_EQ(FirstCodePoints("ab", 0), "");
}

}  // namespace
}  // namespace opcost
