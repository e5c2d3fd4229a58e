// SPDX-License-Identifier: Apache-2.0
// The energy of one inference, in ten lines:
//
//   absl::StatusOr<opcost::Model> model = opcost::ImportFile("alexnet.onnx");
//   if (!model.ok()) return Fail(model.status());
//   absl::StatusOr<opcost::Analysis> analysis = opcost::Analyze(*model, {});
//   if (!analysis.ok()) return Fail(analysis.status());
//   absl::StatusOr<opcost::CostTable> table =
//       opcost::TableLibrary().Load("horowitz-45nm");
//   if (!table.ok()) return Fail(table.status());
//   absl::StatusOr<opcost::Estimate> estimate =
//       opcost::MakeEstimate(*analysis, *table, {});
//   if (!estimate.ok()) return Fail(estimate.status());
//   std::cout << estimate->totals.total.pj << " pJ\n";
#ifndef OPCOST_OPCOST_H_
#define OPCOST_OPCOST_H_

#include "opcost/analysis/analysis.h"  // IWYU pragma: export
#include "opcost/energy/cost_table.h"  // IWYU pragma: export
#include "opcost/energy/estimate.h"    // IWYU pragma: export
#include "opcost/frontend/import.h"    // IWYU pragma: export
#include "opcost/report/report.h"      // IWYU pragma: export

#endif  // OPCOST_OPCOST_H_
