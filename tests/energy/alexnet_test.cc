// SPDX-License-Identifier: Apache-2.0
// A whole network through every shipped table.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "opcost/analysis/analysis.h"
#include "opcost/energy/estimate.h"
#include "opcost/frontend/import.h"
#include "tests/energy/small_table.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

TEST(AlexNetTest, EveryShippedTablePricesItAtEveryUsualWidth) {
  ASSERT_OK_AND_ASSIGN(
      const Model model,
      ImportFile(OPCOST_SOURCE_DIR "/models/alexnet-caffe.onnx"));
  ASSERT_OK_AND_ASSIGN(const Analysis analysis, Analyze(model, {}));
  for (const TableLibrary::Listing& listing : TableLibrary().List()) {
    ASSERT_OK_AND_ASSIGN(const CostTable table,
                         TableLibrary().Load(listing.name));
    for (const char* bits : {"32", "16", "8", "int8"}) {
      SCOPED_TRACE(listing.name + " at " + bits);
      EstimateOptions options;
      options.formats.bits = Format(bits);
      ASSERT_OK_AND_ASSIGN(const Estimate estimate,
                           MakeEstimate(analysis, table, options));
      EXPECT_EQ(estimate.status, TotalStatus::kExact);
      EXPECT_LE(estimate.once_pj, estimate.totals.total.pj);
      EXPECT_LE(estimate.totals.total.min_pj, estimate.totals.total.pj);
      EXPECT_LE(estimate.totals.total.pj, estimate.totals.total.max_pj);
      double layers_pj = 0;
      for (const LayerEstimate& layer : estimate.layers) {
        layers_pj += layer.sums.total.pj;
      }
      EXPECT_NEAR(layers_pj / estimate.totals.total.pj, 1, 1e-12);
    }
  }
}

}  // namespace
}  // namespace opcost
