// SPDX-License-Identifier: Apache-2.0
// The weights of a model: their statistics, and what each would take in every
// storage format.
#ifndef OPCOST_ENERGY_WEIGHT_SURVEY_H_
#define OPCOST_ENERGY_WEIGHT_SURVEY_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "opcost/analysis/analysis.h"
#include "opcost/energy/cost_table.h"
#include "opcost/energy/estimate.h"
#include "opcost/ir/payload_source.h"
#include "opcost/memory/storage.h"
#include "opcost/ops/op_counts.h"
#include "opcost/weights/statistics.h"

namespace opcost {

// A weight tensor in one storage format.
struct SurveyedForm {
  StorageFormat format = StorageFormat::kDense;
  std::string label;   // "nm 2:4"
  std::string reason;  // why it isn't available; empty if it is
  int64_t bytes = 0;   // of all its arrays
  double pj = 0;       // of one run of the layers that multiply by it

  bool is_available() const { return reason.empty(); }
};

// A constant operand of contractions.
struct SurveyedWeights {
  std::string name;  // of the stored tensor; of the value if it isn't traced
  std::vector<std::string> layers;  // that multiply by it
  DataType type = DataType::kUndefined;
  std::vector<int64_t> shape;  // as stored
  MatrixLayout layout;
  // Null where values aren't known; `reason` says why.
  std::optional<TensorStatistics> statistics;
  std::string reason;
  // In the order of kStorageFormats.
  std::array<SurveyedForm, kStorageFormatCount> forms;
  size_t best = 0;  // the form of least energy; ties: the first

  // "2:4", the pattern that takes the least storage; empty if there is none.
  std::string pattern() const;
};

// Refers to the analysis and the table, which must outlive it.
struct WeightSurvey {
  const Analysis* analysis = nullptr;
  const CostTable* table = nullptr;
  EstimateOptions options;
  std::vector<SurveyedWeights> weights;  // in graph order
  // Of the whole model: dense, and every layer in its best format.
  double dense_pj = 0;
  double best_pj = 0;
  // By format, the whole model with what can't be stored so dense; nullopt: the
  // table lacks a price for it.
  std::array<std::optional<double>, kStorageFormatCount> total_pj;
  // "50.0 % zeros in 2:4: --weights nm"; empty if no format saves energy.
  std::string hint;
};

// Reads all weights of `analysis` and prices the model in every format; the
// storage format in `options` doesn't matter.
//
// Errors: those of ReadStatistics(), and of MakeEstimate() for dense weights.
absl::StatusOr<WeightSurvey> SurveyWeights(const Analysis& analysis,
                                           const CostTable& table,
                                           const EstimateOptions& options,
                                           const PayloadSource& payloads,
                                           int threads = 0);

}  // namespace opcost

#endif  // OPCOST_ENERGY_WEIGHT_SURVEY_H_
