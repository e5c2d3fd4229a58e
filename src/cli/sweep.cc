// SPDX-License-Identifier: Apache-2.0
#include "src/cli/sweep.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <sstream>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "opcost/energy/totals.h"
#include "opcost/support/status_macros.h"
#include "src/cli/pipeline.h"
#include "src/weights/threads.h"

namespace opcost {
namespace {

constexpr size_t kMostRows = 1000000;
constexpr size_t kAnalysesPerThread = 8;  // at a time
constexpr int64_t kPricesPerTask = 32;

// What of a model's estimate these options change is its price alone: the
// analysis stays. Any other option is taken to change the analysis.
constexpr absl::string_view kPriceOptions[] = {"--bits",
                                               "--weight-bits",
                                               "--activation-bits",
                                               "--accumulator-bits",
                                               "--table",
                                               "--memory-model",
                                               "--reads",
                                               "--array-scope",
                                               "--weights-from",
                                               "--weights",
                                               "--skip"};

// An axis, and how far apart the rows of its values are.
struct Place {
  const SweepAxis* axis = nullptr;
  size_t stride = 1;
};

size_t CountOf(const std::vector<Place>& places) {
  size_t count = 1;
  for (const Place& place : places) count *= place.axis->values.size();
  return count;
}

// Combination `number` of some axes.
struct Combination {
  CommandLine line;
  size_t offset = 0;  // of its rows
  std::string name;   // "--batch 4 --dim N=2"
};

absl::StatusOr<Combination> Combine(const std::vector<Place>& places,
                                    size_t number) {
  Combination combination;
  combination.line.command = kSweep;
  for (const Place& place : places) {
    const SweepAxis& axis = *place.axis;
    const size_t digit = number % axis.values.size();
    number /= axis.values.size();
    combination.offset += digit * place.stride;
    absl::StrAppend(&combination.name, combination.name.empty() ? "" : " ",
                    axis.row->long_flag(), " ", axis.values[digit]);
    const absl::Status status =
        axis.row->apply(axis.values[digit], combination.line);
    if (!status.ok()) {
      return UsageError(
          absl::StrCat(axis.row->long_flag(), ": ", status.message()));
    }
  }
  return combination;
}

absl::Status With(const std::string& name, const absl::Status& status) {
  const std::string message =
      absl::StrCat(name.empty() ? "" : "with ", name, name.empty() ? "" : ": ",
                   status.message());
  return IsUsageError(status) ? UsageError(message)
                              : absl::Status(status.code(), message);
}

// How a combination of the options of kPriceOptions prices an analysis.
struct Pricing {
  EstimateOptions options;
  const CostTable* table = nullptr;
  size_t offset = 0;
  std::string name;
};

// An analysis with the combination that it is of.
struct Shaped {
  std::unique_ptr<const Analysis> analysis;
  std::shared_ptr<const WeightStatistics> statistics;  // where one is needed
  size_t offset = 0;
  std::string name;
};

class Sweeper {
 public:
  Sweeper(const CommandLine& line, const Model& model,
          const PayloadSource& payloads, int threads,
          const std::function<void(int64_t, int64_t)>& progress)
      : line_(line),
        model_(model),
        payloads_(payloads),
        threads_(ThreadCount(threads)),
        progress_(progress) {}

  absl::StatusOr<SweepResult> Run(const CliEnvironment& environment);

 private:
  absl::Status Prepare(const CliEnvironment& environment);
  absl::StatusOr<const CostTable*> TableFor(const CommandLine& line,
                                            const CliEnvironment& environment);
  absl::Status Shape(size_t number, Shaped& shaped);
  absl::Status AddStatistics(Shaped& shaped);
  absl::StatusOr<EstimateOptions> OptionsFor(const Shaped& shaped,
                                             const Pricing& pricing) const;
  absl::Status PriceAll(const Shaped& shaped, size_t begin, size_t end);
  absl::Status RunBlock(size_t begin, size_t end);
  absl::Status AddRemarks(const Shaped& first);
  absl::Status InOrder(int64_t count,
                       const std::function<absl::Status(int64_t)>& work) const;

  const CommandLine& line_;
  const Model& model_;
  const PayloadSource& payloads_;
  int threads_;
  const std::function<void(int64_t, int64_t)>& progress_;
  const std::thread::id caller_ = std::this_thread::get_id();
  InputOptions input_;  // what isn't swept
  std::vector<Place> shapes_, prices_;
  std::map<std::string, std::unique_ptr<const CostTable>> tables_;
  std::vector<Pricing> pricings_;
  StorageOptions storage_ = StorageOfAny(line_);
  std::mutex mutex_;  // of statistics_
  std::shared_ptr<const WeightStatistics> statistics_;
  std::atomic<int64_t> done_{0};
  SweepResult result_;
};

absl::StatusOr<const CostTable*> Sweeper::TableFor(
    const CommandLine& line, const CliEnvironment& environment) {
  // Each with the tier of --weights-from, which TableOf() looks for.
  const std::string key = absl::StrCat(
      line.table, "\n", line.estimate.memory.weights_from.value_or(""));
  std::unique_ptr<const CostTable>& table = tables_[key];
  if (table == nullptr) {
    OPCOST_ASSIGN_OR_RETURN(CostTable loaded, TableOf(line, environment));
    table = std::make_unique<const CostTable>(std::move(loaded));
  }
  return table.get();
}

absl::Status Sweeper::Prepare(const CliEnvironment& environment) {
  size_t rows = 1;
  std::vector<Place> all;
  for (size_t a = line_.axes.size(); a-- > 0;) {
    const SweepAxis& axis = line_.axes[a];
    all.push_back({&axis, rows});
    if (rows > kMostRows / axis.values.size()) {
      return UsageError(absl::StrCat("a sweep has at most ", kMostRows,
                                     " combinations; shorten the lists"));
    }
    rows *= axis.values.size();
  }
  for (const Place& place : all) {
    const bool is_price =
        std::find(std::begin(kPriceOptions), std::end(kPriceOptions),
                  place.axis->row->long_flag()) != std::end(kPriceOptions);
    (is_price ? prices_ : shapes_).push_back(place);
  }
  for (const SweepAxis& axis : line_.axes) {
    result_.sweep.columns.push_back({axis.name, axis.labels});
  }
  result_.sweep.rows.resize(rows);
  OPCOST_ASSIGN_OR_RETURN(input_, InputOf(line_));
  for (size_t p = 0; p < CountOf(prices_); ++p) {
    OPCOST_ASSIGN_OR_RETURN(Combination combination, Combine(prices_, p));
    const absl::StatusOr<const CostTable*> table =
        TableFor(combination.line, environment);
    if (!table.ok()) return With(combination.name, table.status());
    pricings_.push_back({combination.line.estimate, *table, combination.offset,
                         std::move(combination.name)});
  }
  return absl::OkStatus();
}

// Those of another combination serve where it has the same weights.
absl::Status Sweeper::AddStatistics(Shaped& shaped) {
  StorageOptions storage = storage_;
  if (storage.is_plain()) return absl::OkStatus();
  const std::lock_guard<std::mutex> lock(mutex_);
  const std::vector<WeightOperand> operands =
      WeightOperandsOf(*shaped.analysis);
  const bool are_known = statistics_ != nullptr &&
                         std::all_of(operands.begin(), operands.end(),
                                     [this](const WeightOperand& operand) {
                                       return statistics_->count(operand) > 0;
                                     });
  if (!are_known) {
    OPCOST_RETURN_IF_ERROR(ReadWeights(*shaped.analysis, payloads_, &storage));
    statistics_ = storage.statistics;
  }
  shaped.statistics = statistics_;
  return absl::OkStatus();
}

absl::Status Sweeper::Shape(size_t number, Shaped& shaped) {
  OPCOST_ASSIGN_OR_RETURN(Combination combination, Combine(shapes_, number));
  InputOptions input = std::move(combination.line.input);
  input.operators = input_.operators;
  absl::StatusOr<Analysis> analysis = Analyze(model_, input);
  if (!analysis.ok()) {
    return With(combination.name, AsUsage(analysis.status()));
  }
  shaped.analysis = std::make_unique<const Analysis>(*std::move(analysis));
  shaped.offset = combination.offset;
  shaped.name = std::move(combination.name);
  return AddStatistics(shaped);
}

absl::StatusOr<EstimateOptions> Sweeper::OptionsFor(
    const Shaped& shaped, const Pricing& pricing) const {
  EstimateOptions options = pricing.options;
  if (options.storage.is_plain()) return options;
  options.storage.statistics = shaped.statistics;
  CommandLine line;
  line.estimate.storage = options.storage;
  line.input.count = shaped.analysis->count_options;
  OPCOST_RETURN_IF_ERROR(CheckStorage(line));
  return options;
}

absl::Status Sweeper::PriceAll(const Shaped& shaped, size_t begin, size_t end) {
  for (size_t p = begin; p < end; ++p) {
    const Pricing& pricing = pricings_[p];
    const absl::StatusOr<EstimateOptions> options = OptionsFor(shaped, pricing);
    const absl::StatusOr<Totals> totals =
        options.ok() ? MakeTotals(*shaped.analysis, *pricing.table, *options)
                     : absl::StatusOr<Totals>(options.status());
    if (!totals.ok()) {
      const bool has_both = !shaped.name.empty() && !pricing.name.empty();
      return With(absl::StrCat(shaped.name, has_both ? " " : "", pricing.name),
                  totals.status());
    }
    SweepRow& row = result_.sweep.rows[shaped.offset + pricing.offset];
    row.totals = *totals;
    row.samples = shaped.analysis->samples;
    row.unit = pricing.table->unit();
  }
  done_ += static_cast<int64_t>(end - begin);
  if (std::this_thread::get_id() == caller_) {
    progress_(done_, static_cast<int64_t>(result_.sweep.rows.size()));
  }
  return absl::OkStatus();
}

// Calls work(0) to work(count - 1), on all threads. All of them are called, so
// that the error is that of the first, whoever is faster.
absl::Status Sweeper::InOrder(
    int64_t count, const std::function<absl::Status(int64_t)>& work) const {
  std::vector<absl::Status> statuses(static_cast<size_t>(count));
  OPCOST_RETURN_IF_ERROR(
      ForChunks(threads_, count, 1, [&](int, int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          absl::Status& status = statuses[static_cast<size_t>(i)];
          try {
            status = work(i);
          } catch (const std::bad_alloc&) {
            status = absl::ResourceExhaustedError("not enough memory");
          }
        }
        return absl::OkStatus();
      }));
  for (const absl::Status& status : statuses) OPCOST_RETURN_IF_ERROR(status);
  return absl::OkStatus();
}

absl::Status Sweeper::AddRemarks(const Shaped& first) {
  const Pricing& pricing = pricings_[0];
  OPCOST_ASSIGN_OR_RETURN(const EstimateOptions options,
                          OptionsFor(first, pricing));
  OPCOST_ASSIGN_OR_RETURN(
      const Estimate estimate,
      MakeEstimate(*first.analysis, *pricing.table, options));
  result_.diagnostics = estimate.diagnostics;
  return absl::OkStatus();
}

// The combinations `begin` to `end` of inputs.
absl::Status Sweeper::RunBlock(size_t begin, size_t end) {
  std::vector<Shaped> block(end - begin);
  OPCOST_RETURN_IF_ERROR(
      InOrder(static_cast<int64_t>(block.size()), [&](int64_t i) {
        const auto index = static_cast<size_t>(i);
        return Shape(begin + index, block[index]);
      }));
  const auto prices = static_cast<int64_t>(pricings_.size());
  const int64_t tasks = (prices + kPricesPerTask - 1) / kPricesPerTask;
  OPCOST_RETURN_IF_ERROR(
      InOrder(static_cast<int64_t>(block.size()) * tasks, [&](int64_t task) {
        const int64_t first = task % tasks * kPricesPerTask;
        return PriceAll(
            block[static_cast<size_t>(task / tasks)],
            static_cast<size_t>(first),
            static_cast<size_t>(std::min(first + kPricesPerTask, prices)));
      }));
  if (begin == 0) OPCOST_RETURN_IF_ERROR(AddRemarks(block[0]));
  for (const Shaped& shaped : block) {
    if (!result_.unknown_layers.empty()) break;
    std::ostringstream unknown;
    PrintUnknownLayers(*shaped.analysis, "", unknown);
    result_.unknown_layers = unknown.str();
  }
  return absl::OkStatus();
}

absl::StatusOr<SweepResult> Sweeper::Run(const CliEnvironment& environment) {
  OPCOST_RETURN_IF_ERROR(Prepare(environment));
  const size_t shapes = CountOf(shapes_);
  const size_t most = kAnalysesPerThread * static_cast<size_t>(threads_);
  for (size_t begin = 0; begin < shapes; begin += most) {
    OPCOST_RETURN_IF_ERROR(RunBlock(begin, std::min(begin + most, shapes)));
  }
  return std::move(result_);
}

}  // namespace

StorageOptions StorageOfAny(const CommandLine& line) {
  for (const SweepAxis& axis : line.axes) {
    for (const std::string& value : axis.values) {
      CommandLine scratch;
      scratch.command = kSweep;
      if (axis.row->apply(value, scratch).ok() &&
          !scratch.estimate.storage.is_plain()) {
        return scratch.estimate.storage;
      }
    }
  }
  return {};
}

absl::StatusOr<SweepResult> RunCombinations(
    const CommandLine& line, const Model& model, const PayloadSource& payloads,
    const CliEnvironment& environment, int threads,
    const std::function<void(int64_t done, int64_t all)>& progress) {
  return Sweeper(line, model, payloads, threads, progress).Run(environment);
}

}  // namespace opcost
