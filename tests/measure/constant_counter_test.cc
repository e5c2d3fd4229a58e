// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "opcost/measure/counter.h"
#include "src/measure/counters.h"
#include "tests/measure/made_tree.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ConstantCounterTest : public MadeTree {};

TEST_F(ConstantCounterTest, IsWattsTimesTimeAndNotMeasured) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<EnergyCounter> counter,
                       OpenConstant("12.5", System()));
  EXPECT_EQ(counter->name(), "constant");
  EXPECT_FALSE(counter->is_measured());
  EXPECT_EQ(counter->constant_watts(), 12.5);
  ASSERT_EQ(counter->domains().size(), 1);
  EXPECT_EQ(counter->domains()[0].name, "constant 12.5 W");
  EXPECT_EQ(counter->domains()[0].source, "given, not measured");
  EXPECT_TRUE(counter->domains()[0].is_summed);
  EXPECT_EQ(counter->least_window_seconds(), 0);
  ASSERT_OK_AND_ASSIGN(const CounterReading begin, counter->Read());
  Wait(8);
  ASSERT_OK_AND_ASSIGN(const CounterReading end, counter->Read());
  absl::StatusOr<std::vector<int64_t>> between =
      counter->MicrojoulesBetween(begin, end);
  ASSERT_THAT(between, IsOk());
  EXPECT_THAT(*between, ElementsAre(100000000));  // 12.5 W * 8 s
}

TEST_F(ConstantCounterTest, RefusesWhatIsNoPower) {
  for (const std::string watts :
       {"", "ten", "0", "-5", "nan", "inf", "1000001", "10W"}) {
    EXPECT_THAT(OpenConstant(watts, System()),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         "counter constant=WATTS: expected a number of watts "
                         "above 0 and at most 1000000, found '" +
                             watts + "'"));
  }
}

TEST_F(ConstantCounterTest, IsOpenedByName) {
  CounterChoice choice;
  choice.counter = "constant=65";
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<EnergyCounter> counter,
                       OpenCounter(choice));
  EXPECT_EQ(counter->constant_watts(), 65);
  choice.counter = "constant=much";
  EXPECT_THAT(OpenCounter(choice), FailsWith(HasSubstr("found 'much'")));
}

}  // namespace
}  // namespace opcost
