// SPDX-License-Identifier: Apache-2.0
#include "src/cli/progress.h"

#include <gtest/gtest.h>

#include <sstream>
#include <string>

namespace opcost {
namespace {

TEST(DurationText, TakesTheUnitThatSuits) {
  EXPECT_EQ(DurationText(0.2), "1 s");
  EXPECT_EQ(DurationText(45.4), "45 s");
  EXPECT_EQ(DurationText(89), "89 s");
  EXPECT_EQ(DurationText(90), "2 min");
  EXPECT_EQ(DurationText(600), "10 min");
  EXPECT_EQ(DurationText(5400), "1.5 h");
}

TEST(ProgressBar, ShowsWhatIsDoneAndLeft) {
  EXPECT_EQ(ProgressBar(0, 48, std::nullopt, "Relu x=4", 80),
            "[........................] 0/48  Relu x=4");
  EXPECT_EQ(ProgressBar(12, 48, 180.0, "Relu x=4", 80),
            "[######..................] 12/48  about 3 min left  Relu x=4");
  EXPECT_EQ(ProgressBar(48, 48, 0.0, "", 80),
            "[########################] 48/48  about 1 s left  ");
  EXPECT_EQ(ProgressBar(0, 48, std::nullopt, "Relu x=4", 37),
            "[........................] 0/48  Relu");
  EXPECT_EQ(ProgressBar(0, 0, std::nullopt, "", 80),
            "[########################] 0/0  ");
}

TEST(Progress, WritesALineForEachStepWhereThereIsNoTerminal) {
  std::ostringstream err;
  double now = 100;
  Progress progress(&err, 0, 4, [&] { return now; });
  progress.Skip(1);
  progress.Begin("Relu x=4");
  now += 30;
  progress.End("0.1 s, 1 J");
  progress.Begin("Relu x=5");
  now += 10;
  progress.End("failed: no memory");
  progress.Begin("Relu x=6");
  progress.End("0.1 s, 1 J");
  progress.Finish();
  // (30 / 1) * 2, then (40 / 2) * 1.
  EXPECT_EQ(err.str(),
            "2/4 Relu x=4: 0.1 s, 1 J; about 60 s left\n"
            "3/4 Relu x=5: failed: no memory; about 20 s left\n"
            "4/4 Relu x=6: 0.1 s, 1 J\n");
}

TEST(Progress, RedrawsABarOnATerminal) {
  std::ostringstream err;
  double now = 0;
  Progress progress(&err, 42, 2, [&] { return now; });
  progress.Begin("Relu x=4");
  now += 5;
  progress.End("0.1 s, 1 J");
  progress.Begin("Relu x=5");
  progress.Say("note: slow");
  progress.Finish();
  const std::string clear = "\r\x1b[K";
  EXPECT_EQ(err.str(), clear + "[........................] 0/2  Relu x=4" +
                           clear + "[############............] 1/2  about 5 s" +
                           clear + "note: slow\n" + clear);
}

TEST(Progress, IsSilentWithoutAStream) {
  Progress progress(nullptr, 80, 1, [] { return 0.0; });
  progress.Begin("Relu x=4");
  progress.Say("note");
  progress.End("0.1 s");
  EXPECT_NO_FATAL_FAILURE(progress.Finish());
}

}  // namespace
}  // namespace opcost
