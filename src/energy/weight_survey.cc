// SPDX-License-Identifier: Apache-2.0
#include "opcost/energy/weight_survey.h"

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "opcost/memory/formats.h"
#include "opcost/memory/weight_statistics.h"
#include "opcost/support/status_macros.h"

namespace opcost {
namespace {

// A saving that is worth a hint.
constexpr double kLeastSaving = 0.02;
// A hint names zeros if there are so many.
constexpr double kManyZeros = 0.1;

// One use of an operand: a matrix of a layer.
struct Use {
  size_t layer;
  const WeightMatrix* matrix;
};

class Surveyor {
 public:
  Surveyor(const Analysis& analysis, const CostTable& table,
           const EstimateOptions& options)
      : analysis_(analysis),
        table_(table),
        options_(options),
        formats_(analysis, options.formats) {}

  absl::StatusOr<WeightSurvey> Survey(const PayloadSource& payloads,
                                      int threads);

 private:
  absl::Status Read(const PayloadSource& payloads, int threads);
  absl::Status AddOperand(const Use& use, WeightReader* reader);
  static void SetType(const TensorType& type, SurveyedWeights* weights);
  // Its name too.
  void SetType(ValueIndex value, SurveyedWeights* weights) const;
  void AddOthers();
  absl::Status PriceFormat(size_t format);
  absl::Status FillForm(size_t format, const Estimate& estimate, size_t row);
  int64_t DenseBytes(const Use& use) const;
  void TakeBest();
  std::string Hint() const;

  const Analysis& analysis_;
  const CostTable& table_;
  EstimateOptions options_;
  Formats formats_;
  std::map<std::shared_ptr<const KnownWeights>, size_t> rows_;
  std::vector<std::vector<Use>> uses_;  // by row
  // By layer: its energy when dense, and the least.
  std::vector<double> dense_pj_, least_pj_;
  WeightSurvey survey_;
};

absl::Status Surveyor::AddOperand(const Use& use, WeightReader* reader) {
  const LayerCounts& layer = analysis_.layers[use.layer];
  OPCOST_ASSIGN_OR_RETURN(const std::shared_ptr<const KnownWeights> read,
                          reader->Read(layer, *use.matrix));
  const auto [place, is_new] = rows_.emplace(read, survey_.weights.size());
  if (!is_new) {
    uses_[place->second].push_back(use);
    survey_.weights[place->second].layers.push_back(layer.name);
    return absl::OkStatus();
  }
  SurveyedWeights weights;
  const ValueIndex value =
      layer.inputs()[static_cast<size_t>(use.matrix->operand)];
  weights.layers = {layer.name};
  SetType(value, &weights);
  if (read->values.has_value()) {
    if (!read->values->name.empty()) weights.name = read->values->name;
    weights.layout = read->values->layout;
    SetType(read->values->stored->type, &weights);
  }
  if (read->statistics.ok()) {
    weights.statistics = *read->statistics;
  } else {
    weights.reason = std::string(read->statistics.status().message());
  }
  survey_.weights.push_back(std::move(weights));
  uses_.push_back({use});
  return absl::OkStatus();
}

void Surveyor::SetType(const TensorType& type, SurveyedWeights* weights) {
  weights->type = type.type;
  weights->shape.clear();
  if (!type.shape.has_rank()) return;
  for (const Extent& extent : type.shape.dims()) {
    weights->shape.push_back(extent.is_concrete() ? extent.value() : -1);
  }
}

void Surveyor::SetType(ValueIndex value, SurveyedWeights* weights) const {
  const auto index = static_cast<size_t>(value);
  weights->name = analysis_.graph->values[index].name;
  SetType(analysis_.values[index].type.tensor, weights);
}

// Constant operands of contractions that are no matrices to opcost.
void Surveyor::AddOthers() {
  for (const LayerCounts& layer : analysis_.layers) {
    if (layer.coverage.status == Coverage::Status::kUnknown ||
        !layer.counts.matrices.empty() || layer.counts.macs.Is(0)) {
      continue;
    }
    for (const Access& access : layer.counts.accesses) {
      const auto index = static_cast<size_t>(access.index);
      if (access.side != Access::Side::kInput || !access.takes_weight_bits ||
          !access.part.empty() || index >= layer.inputs().size()) {
        continue;
      }
      SurveyedWeights weights;
      SetType(layer.inputs()[index], &weights);
      weights.layers = {layer.name};
      weights.reason = absl::StrCat("weights of ", layer.node->op_type,
                                    " have no other format than dense");
      for (size_t f = 0; f < weights.forms.size(); ++f) {
        weights.forms[f].format = kStorageFormats[f];
        weights.forms[f].label = std::string(Name(kStorageFormats[f]));
        weights.forms[f].reason = weights.reason;
      }
      survey_.weights.push_back(std::move(weights));
      uses_.emplace_back();
    }
  }
}

absl::Status Surveyor::Read(const PayloadSource& payloads, int threads) {
  WeightReader reader(analysis_, payloads, threads);
  auto statistics = std::make_shared<WeightStatistics>();
  for (size_t i = 0; i < analysis_.layers.size(); ++i) {
    const LayerCounts& layer = analysis_.layers[i];
    const std::vector<WeightOperand> operands =
        WeightOperandsOf(analysis_, layer);
    const std::vector<const WeightMatrix*> matrices = MatricesOf(layer);
    for (size_t m = 0; m < std::min(operands.size(), matrices.size()); ++m) {
      OPCOST_RETURN_IF_ERROR(AddOperand({i, matrices[m]}, &reader));
      OPCOST_ASSIGN_OR_RETURN(const auto read,
                              reader.Read(layer, *matrices[m]));
      statistics->emplace(operands[m], read->statistics);
    }
  }
  options_.storage = {};
  options_.storage.statistics = std::move(statistics);
  AddOthers();
  return absl::OkStatus();
}

int64_t Surveyor::DenseBytes(const Use& use) const {
  const LayerCounts& layer = analysis_.layers[use.layer];
  for (const Access& access : layer.counts.accesses) {
    if (access.side == Access::Side::kInput && access.part.empty() &&
        access.index == use.matrix->operand) {
      const WeightMatrix& matrix = *use.matrix;
      const Count elements = matrix.blocks * matrix.rows * matrix.columns;
      return SizeInBytes(elements.AsInt().value_or(0),
                         formats_.OfAccess(layer, access).width_bits)
          .value_or(0);
    }
  }
  return 0;
}

absl::Status Surveyor::FillForm(size_t format, const Estimate& estimate,
                                size_t row) {
  SurveyedWeights& weights = survey_.weights[row];
  SurveyedForm& form = weights.forms[format];
  form.format = kStorageFormats[format];
  form.label = std::string(Name(form.format));
  for (const Use& use : uses_[row]) {
    const LayerCounts& layer = analysis_.layers[use.layer];
    form.pj += estimate.layers[use.layer].sums.total.pj;
    if (form.format == StorageFormat::kDense) {
      form.bytes = DenseBytes(use);
      continue;
    }
    OPCOST_ASSIGN_OR_RETURN(
        const LayerStorage storage,
        FindStorage(analysis_, layer, formats_, options_.storage, form.format));
    if (storage.format != form.format && form.reason.empty()) {
      form.reason =
          storage.reason.empty() ? "the layer does no work" : storage.reason;
    }
    for (const StoredOperand& operand : storage.operands) {
      if (operand.matrix.operand != use.matrix->operand) continue;
      form.bytes = operand.stored.bytes;
      form.label = operand.stored.label();
    }
  }
  return absl::OkStatus();
}

absl::Status Surveyor::PriceFormat(size_t format) {
  options_.storage.format = kStorageFormats[format];
  const bool is_dense = kStorageFormats[format] == StorageFormat::kDense;
  const absl::StatusOr<Estimate> estimate =
      MakeEstimate(analysis_, table_, options_);
  if (!estimate.ok()) {
    if (is_dense) return estimate.status();
    for (SurveyedWeights& weights : survey_.weights) {
      SurveyedForm& form = weights.forms[format];
      form.format = kStorageFormats[format];
      form.label = std::string(Name(form.format));
      form.reason = std::string(estimate.status().message());
    }
    return absl::OkStatus();
  }
  survey_.total_pj[format] = estimate->totals.total.pj;
  for (size_t i = 0; i < estimate->layers.size(); ++i) {
    const double pj = estimate->layers[i].sums.total.pj;
    if (is_dense) {
      dense_pj_.push_back(pj);
      least_pj_.push_back(pj);
    } else {
      least_pj_[i] = std::min(least_pj_[i], pj);
    }
  }
  for (size_t row = 0; row < survey_.weights.size(); ++row) {
    if (uses_[row].empty()) continue;
    OPCOST_RETURN_IF_ERROR(FillForm(format, *estimate, row));
  }
  return absl::OkStatus();
}

void Surveyor::TakeBest() {
  for (SurveyedWeights& weights : survey_.weights) {
    double least = std::numeric_limits<double>::infinity();
    for (size_t f = 0; f < weights.forms.size(); ++f) {
      const SurveyedForm& form = weights.forms[f];
      // Sums in another order aren't a saving.
      if (!form.is_available() || form.pj >= least * (1 - 1e-12)) continue;
      least = form.pj;
      weights.best = f;
    }
  }
  survey_.dense_pj = survey_.total_pj[0].value_or(0);
  survey_.best_pj = survey_.dense_pj;
  for (size_t i = 0; i < dense_pj_.size(); ++i) {
    survey_.best_pj += least_pj_[i] - dense_pj_[i];
  }
}

std::string Surveyor::Hint() const {
  size_t best = 0;
  for (size_t f = 0; f < kStorageFormats.size(); ++f) {
    const std::optional<double>& total = survey_.total_pj[f];
    if (total.has_value() && *total < *survey_.total_pj[best]) best = f;
  }
  const double uniform = *survey_.total_pj[best];
  const bool is_mixed = survey_.best_pj < uniform * (1 - kLeastSaving);
  const double least = is_mixed ? survey_.best_pj : uniform;
  if (least >= survey_.dense_pj * (1 - kLeastSaving)) return "";
  int64_t zeros = 0;
  int64_t elements = 0;
  std::string pattern;
  bool has_one_pattern = true;
  for (const SurveyedWeights& weights : survey_.weights) {
    if (!weights.statistics.has_value()) continue;
    zeros += weights.statistics->zeros;
    elements += weights.statistics->elements;
    if (weights.pattern().empty()) continue;
    has_one_pattern =
        has_one_pattern && (pattern.empty() || pattern == weights.pattern());
    pattern = weights.pattern();
  }
  const double share = static_cast<double>(zeros) /
                       static_cast<double>(std::max<int64_t>(elements, 1));
  const bool is_nm = !is_mixed && kStorageFormats[best] == StorageFormat::kNm;
  std::string what =
      share >= kManyZeros
          ? absl::StrCat(absl::StrFormat("%.3g", share * 100), " % zeros")
          : std::string("few distinct values");
  if (is_nm && has_one_pattern) absl::StrAppend(&what, " in ", pattern);
  return absl::StrCat(
      what, ": --weights ",
      is_mixed ? absl::string_view("auto") : Name(kStorageFormats[best]));
}

absl::StatusOr<WeightSurvey> Surveyor::Survey(const PayloadSource& payloads,
                                              int threads) {
  survey_.analysis = &analysis_;
  survey_.table = &table_;
  OPCOST_RETURN_IF_ERROR(Read(payloads, threads));
  for (size_t f = 0; f < kStorageFormats.size(); ++f) {
    OPCOST_RETURN_IF_ERROR(PriceFormat(f));
  }
  TakeBest();
  survey_.hint = Hint();
  survey_.options = options_;
  survey_.options.storage.format = StorageFormat::kDense;
  return std::move(survey_);
}

}  // namespace

std::string SurveyedWeights::pattern() const {
  // Few columns fit half of a block, zeros or not.
  if (!statistics.has_value() || statistics->zeros == 0) return "";
  for (const SurveyedForm& form : forms) {
    absl::string_view label = form.label;
    if (form.format == StorageFormat::kNm && form.is_available() &&
        absl::ConsumePrefix(&label, "nm ")) {
      return std::string(label);
    }
  }
  return "";
}

absl::StatusOr<WeightSurvey> SurveyWeights(const Analysis& analysis,
                                           const CostTable& table,
                                           const EstimateOptions& options,
                                           const PayloadSource& payloads,
                                           int threads) {
  return Surveyor(analysis, table, options).Survey(payloads, threads);
}

}  // namespace opcost
