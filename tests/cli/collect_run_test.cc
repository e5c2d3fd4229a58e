// SPDX-License-Identifier: Apache-2.0
#include "src/cli/collect_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "opcost/support/status_macros.h"
#include "tests/cli/cli_run.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

CollectItem LayerItem(const std::string& layer) {
  CollectItem item;
  item.row.layer = layer;
  item.row.group = "Relu";
  return item;
}

Measurement MeasurementOf(double joules, double watts = 10) {
  Measurement measurement;
  measurement.counter = "constant";
  measurement.is_measured = false;
  measurement.constant_watts = watts;
  measurement.net_joules.mean = joules;
  measurement.trials.resize(2);
  measurement.runner.runtime = "fake";
  return measurement;
}

// Items that are measured by what a test says of them.
class CollectRunTest : public InTemporaryFolder {
 protected:
  void SetUp() override {
    InTemporaryFolder::SetUp();
    for (const char* layer : {"Relu x=1", "Relu x=2", "Relu x=3"}) {
      plan_.items.push_back(LayerItem(layer));
    }
  }
  // Measures what is left as a run of the command would.
  absl::Status Run() {
    outcome_ = {};
    measured_.clear();
    OPCOST_ASSIGN_OR_RETURN(const std::unique_ptr<CollectFile> data,
                            CollectFile::Open("d.csv", CalibrationHeader()));
    std::unique_ptr<CollectFile> failures;
    if (std::filesystem::exists("d.failed.csv")) {
      OPCOST_ASSIGN_OR_RETURN(
          failures, CollectFile::Open("d.failed.csv", FailureHeader()));
    }
    const auto left = ItemsLeft(plan_, *data, failures.get(), &outcome_);
    if (!left.ok()) return left.status();
    failures = nullptr;
    Progress progress(nullptr, 0, 3, [] { return 0.0; });
    return MeasureItems(
        plan_, *left,
        [&](const CollectItem& item, Measurement* unstable) {
          measured_.push_back(item.Label());
          return measure_(item.row.layer, unstable);
        },
        *data, progress, &outcome_);
  }
  // The layers that the data has, in order.
  std::vector<std::string> Layers() {
    const auto document = ParseCsv("d.csv", ReadFile("d.csv"));
    EXPECT_THAT(document, IsOk());
    std::vector<std::string> layers;
    for (const CsvRow& row : document->rows) layers.push_back(row.cells[1]);
    return layers;
  }

  CollectPlan plan_;
  CollectOutcome outcome_;
  std::vector<std::string> measured_;
  std::function<absl::StatusOr<Measurement>(const std::string&, Measurement*)>
      measure_ =
          [](const std::string&, Measurement*) { return MeasurementOf(0.5); };
};

TEST_F(CollectRunTest, AppendsARowForEachItem) {
  EXPECT_THAT(Run(), IsOk());
  EXPECT_EQ(outcome_.added, 3);
  EXPECT_THAT(Layers(), ElementsAre("Relu x=1", "Relu x=2", "Relu x=3"));
  EXPECT_THAT(ReadFile("d.csv"),
              HasSubstr("\r\n,Relu x=1,,,,Relu,0.5,0.0,0.0,0.0,0.0,0,"
                        "constant=10,2,fake,,,\r\n"));
}

TEST_F(CollectRunTest, GoesOnWhereItEnded) {
  int calls = 0;
  measure_ = [&](const std::string&,
                 Measurement*) -> absl::StatusOr<Measurement> {
    if (++calls == 2) return absl::PermissionDeniedError("closed");
    return MeasurementOf(0.5);
  };
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kPermissionDenied, "closed"));
  EXPECT_EQ(outcome_.added, 1);
  EXPECT_THAT(Layers(), ElementsAre("Relu x=1"));
  EXPECT_THAT(Run(), IsOk());
  EXPECT_EQ(outcome_.present, 1);
  EXPECT_EQ(outcome_.added, 2);
  EXPECT_THAT(measured_, ElementsAre("Relu x=2", "Relu x=3"));
  EXPECT_THAT(Layers(), ElementsAre("Relu x=1", "Relu x=2", "Relu x=3"));
  EXPECT_THAT(Run(), IsOk());
  EXPECT_THAT(measured_, IsEmpty());
}

TEST_F(CollectRunTest, MeasuresALayerAsOftenAsThePlanHasIt) {
  plan_.items[2] = plan_.items[0];
  int calls = 0;
  measure_ = [&](const std::string&,
                 Measurement*) -> absl::StatusOr<Measurement> {
    if (++calls == 3) return absl::UnavailableError("gone");
    return MeasurementOf(0.5);
  };
  EXPECT_THAT(Run(), FailsWith("gone"));
  EXPECT_THAT(Layers(), ElementsAre("Relu x=1", "Relu x=2"));
  EXPECT_THAT(Run(), IsOk());
  EXPECT_THAT(Layers(), ElementsAre("Relu x=1", "Relu x=2", "Relu x=1"));
}

TEST_F(CollectRunTest, NamesWhatFailsAndDoesNotTryItAgain) {
  measure_ = [](const std::string& layer,
                Measurement*) -> absl::StatusOr<Measurement> {
    if (layer == "Relu x=2") {
      return absl::FailedPreconditionError("not enough memory, it says");
    }
    return MeasurementOf(0.5);
  };
  EXPECT_THAT(Run(), IsOk());
  EXPECT_THAT(Layers(), ElementsAre("Relu x=1", "Relu x=3"));
  EXPECT_THAT(outcome_.failed,
              ElementsAre(Pair("Relu x=2", "not enough memory, it says")));
  EXPECT_EQ(ReadFile("d.failed.csv"),
            "model,layer,batch,options,reason\r\n"
            ",Relu x=2,,,\"not enough memory, it says\"\r\n");
  EXPECT_THAT(Run(), IsOk());
  EXPECT_THAT(measured_, IsEmpty());
  EXPECT_EQ(outcome_.failed_before, 1);
  std::filesystem::remove("d.failed.csv");
  EXPECT_THAT(Run(), IsOk());
  EXPECT_THAT(measured_, ElementsAre("Relu x=2"));
}

// A failure of the first item may be the runner's or its own: the next tells.
TEST_F(CollectRunTest, BlamesTheRunnerOnlyWhereNothingSucceeds) {
  measure_ = [](const std::string& layer,
                Measurement*) -> absl::StatusOr<Measurement> {
    if (layer == "Relu x=1") return absl::FailedPreconditionError("it died");
    return MeasurementOf(0.5);
  };
  EXPECT_THAT(Run(), IsOk());
  EXPECT_THAT(Layers(), ElementsAre("Relu x=2", "Relu x=3"));
  EXPECT_THAT(outcome_.failed, ElementsAre(Pair("Relu x=1", "it died")));

  std::filesystem::remove("d.csv");
  std::filesystem::remove("d.failed.csv");
  measure_ = [](const std::string&, Measurement*) {
    return absl::StatusOr<Measurement>(
        absl::FailedPreconditionError("no such package"));
  };
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kFailedPrecondition,
                              "no such package"));
  EXPECT_THAT(outcome_.failed, IsEmpty());
  EXPECT_FALSE(std::filesystem::exists("d.csv"));
  EXPECT_FALSE(std::filesystem::exists("d.failed.csv"));
}

TEST_F(CollectRunTest, GivesUpOnARunnerThatFailsAgainAndAgain) {
  for (int i = 4; i <= 10; ++i) {
    plan_.items.push_back(LayerItem(absl::StrCat("Relu x=", i)));
  }
  measure_ = [](const std::string& layer,
                Measurement*) -> absl::StatusOr<Measurement> {
    if (layer == "Relu x=1") return MeasurementOf(0.5);
    return absl::FailedPreconditionError("it died");
  };
  EXPECT_THAT(Run(), FailsWith("it died"));
  EXPECT_EQ(measured_.size(), 1U + 5U);
}

TEST_F(CollectRunTest, NamesModelsThatTheRuntimeRefuses) {
  measure_ = [](const std::string& layer,
                Measurement*) -> absl::StatusOr<Measurement> {
    if (layer != "Relu x=3") return absl::InvalidArgumentError("not for me");
    return MeasurementOf(0.5);
  };
  EXPECT_THAT(Run(), IsOk());
  EXPECT_THAT(Layers(), ElementsAre("Relu x=3"));
  EXPECT_THAT(outcome_.failed, ElementsAre(Pair("Relu x=1", "not for me"),
                                           Pair("Relu x=2", "not for me")));
}

TEST_F(CollectRunTest, KeepsWhatIsNotStableWithItsInterval) {
  measure_ = [](const std::string&,
                Measurement* unstable) -> absl::StatusOr<Measurement> {
    *unstable = MeasurementOf(0.5);
    unstable->net_joules.half_width = 0.25;
    return absl::AbortedError("unstable");
  };
  EXPECT_THAT(Run(), IsOk());
  EXPECT_EQ(outcome_.unstable, 3);
  EXPECT_THAT(ReadFile("d.csv"), HasSubstr(",Relu x=1,,,,Relu,0.5,0.25,"));
}

TEST_F(CollectRunTest, RefusesRowsOfAnotherCommand) {
  ASSERT_THAT(Run(), IsOk());
  plan_.items[1] = LayerItem("Relu x=22");
  EXPECT_THAT(
      Run(),
      StatusIs(absl::StatusCode::kInvalidArgument,
               "d.csv:3: 'Relu x=2' is none of the rows that this command "
               "measures; give the command that began the file, or another "
               "-o"));
}

TEST_F(CollectRunTest, RefusesToMixWaysOfMeasuring) {
  plan_.items.pop_back();
  ASSERT_THAT(Run(), IsOk());
  plan_.items.push_back(LayerItem("Relu x=3"));
  measure_ = [](const std::string&, Measurement*) {
    return MeasurementOf(0.5, 12);
  };
  EXPECT_THAT(Run(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "d.csv:2: this row was measured with counter "
                       "'constant=10', but now it is 'constant=12'; measure as "
                       "before, or write to another file"));
  EXPECT_THAT(Layers(), ElementsAre("Relu x=1", "Relu x=2"));
}

TEST(FailurePath, StandsBesideTheData) {
  EXPECT_EQ(FailurePath("a/data.csv"), "a/data.failed.csv");
  EXPECT_EQ(FailurePath("data"), "data.failed.csv");
}

}  // namespace
}  // namespace opcost
