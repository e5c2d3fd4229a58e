// SPDX-License-Identifier: Apache-2.0
// Whole networks against totals that were computed apart from opcost, by
// tests/reference/count_by_rules.py.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "opcost/opcost.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

// One row of a file of totals.
struct Expected {
  std::string model;
  int bits = 0;
  std::array<int64_t, 5> counts = {};   // macs, mul, add, reads, writes
  std::array<double, 5> energies = {};  // mul, add, read, write, once total
};

std::vector<Expected> ReadTotals(const std::string& path) {
  std::vector<Expected> rows;
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);  // the heading
  while (std::getline(file, line)) {
    const std::vector<std::string> cells = absl::StrSplit(line, ',');
    Expected row;
    row.model = cells.at(0);
    bool is_parsed = absl::SimpleAtoi(cells.at(1), &row.bits);
    for (size_t i = 0; i < 5; ++i) {
      is_parsed &= absl::SimpleAtoi(cells.at(2 + i), &row.counts[i]);
      is_parsed &= absl::SimpleAtod(cells.at(7 + i), &row.energies[i]);
    }
    EXPECT_TRUE(is_parsed) << line;
    rows.push_back(row);
  }
  return rows;
}

void ExpectTotals(const std::string& folder, const std::string& totals_file) {
  const std::vector<Expected> rows = ReadTotals(
      absl::StrCat(OPCOST_SOURCE_DIR, "/tests/models/", totals_file));
  ASSERT_FALSE(rows.empty());
  ASSERT_OK_AND_ASSIGN(const CostTable table,
                       TableLibrary().Load("horowitz-45nm"));
  for (const Expected& row : rows) {
    SCOPED_TRACE(absl::StrCat(row.model, " at ", row.bits, " bits"));
    ASSERT_OK_AND_ASSIGN(const Model model,
                         ImportFile(absl::StrCat(folder, "/", row.model)));
    ASSERT_OK_AND_ASSIGN(const Analysis analysis, Analyze(model, {}));
    EstimateOptions options;
    options.formats.bits = FloatOfWidth(row.bits);
    ASSERT_OK_AND_ASSIGN(const Estimate estimate,
                         MakeEstimate(analysis, table, options));
    const Sums& sums = estimate.totals;
    EXPECT_EQ(estimate.status, TotalStatus::kExact);
    EXPECT_THAT((std::array<int64_t, 5>{sums.macs, sums.mul, sums.add,
                                        sums.reads, sums.writes}),
                ::testing::ElementsAreArray(row.counts));
    const std::array<double, 5> energies = {
        sums.mul_energy.pj, sums.add_energy.pj, sums.read_energy.pj,
        sums.write_energy.pj, estimate.once_pj};
    for (size_t i = 0; i < energies.size(); ++i) {
      EXPECT_NEAR(energies[i] / row.energies[i], 1, 1e-9) << "energy " << i;
    }
  }
}

TEST(WholeNetworkTest, ShippedModelsHaveTheTotalsOfTheIndependentCount) {
  ExpectTotals(OPCOST_SOURCE_DIR, "totals.csv");
}

TEST(WholeNetworkTest, LightAndExportedNetworksHaveTheTotalsToo) {
  const char* shared = std::getenv("OPCOST_SHARED_DATA");
  if (shared == nullptr) {
    GTEST_SKIP() << "OPCOST_SHARED_DATA names no folder with onnx-light/";
  }
  ExpectTotals(shared, "shared_totals.csv");
}

}  // namespace
}  // namespace opcost
