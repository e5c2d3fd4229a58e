// SPDX-License-Identifier: Apache-2.0
// The library's ten lines (opcost.h), as a program of its own: prints the
// energy of the model that its argument names.
#include <iostream>

#include "opcost/opcost.h"

namespace {

int Fail(const absl::Status& status) {
  std::cerr << status << '\n';
  return 1;
}

}  // namespace

int main(int argument_count, char** arguments) {
  if (argument_count != 2) return 2;
  absl::StatusOr<opcost::Model> model = opcost::ImportFile(arguments[1]);
  if (!model.ok()) return Fail(model.status());
  absl::StatusOr<opcost::Analysis> analysis = opcost::Analyze(*model, {});
  if (!analysis.ok()) return Fail(analysis.status());
  absl::StatusOr<opcost::CostTable> table =
      opcost::TableLibrary().Load("horowitz-45nm");
  if (!table.ok()) return Fail(table.status());
  absl::StatusOr<opcost::Estimate> estimate =
      opcost::MakeEstimate(*analysis, *table, {});
  if (!estimate.ok()) return Fail(estimate.status());
  std::cout << estimate->totals.total.pj << " pJ\n";
}
