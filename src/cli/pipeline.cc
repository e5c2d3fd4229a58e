// SPDX-License-Identifier: Apache-2.0
#include "src/cli/pipeline.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "opcost/frontend/import.h"
#include "opcost/frontend/payloads.h"
#include "opcost/memory/weight_statistics.h"
#include "opcost/ops/custom_operators.h"
#include "opcost/support/status_macros.h"
#include "src/cli/commands.h"
#include "src/cli/limits.h"

namespace opcost {
namespace {

// More than any person writes, and more than the reader takes.
constexpr size_t kMaxOperatorBytes = size_t{2} << 20;

absl::Status CheckTier(const CostTable& table,
                       const std::optional<std::string>& tier) {
  if (!tier.has_value()) return absl::OkStatus();
  std::vector<std::string> names;
  for (const Tier& known : table.tiers()) {
    if (known.name == *tier) return absl::OkStatus();
    names.push_back(known.name);
  }
  return UsageError(absl::StrCat("--weights-from: table ", table.name(),
                                 " has no tier '", *tier, "'; use ",
                                 JoinWithOr(names)));
}

}  // namespace

absl::StatusOr<Model> ImportModel(const std::string& path,
                                  const CliEnvironment& environment) {
  return path == "-" ? ImportStream(*environment.in) : ImportFile(path);
}

absl::StatusOr<InputOptions> InputOf(const CommandLine& line) {
  InputOptions input = line.input;
  if (line.operators.empty()) return input;
  errno = 0;
  std::error_code ignored;
  std::ifstream file(line.operators, std::ios::binary);
  if (!file || std::filesystem::is_directory(line.operators, ignored)) {
    return absl::NotFoundError(
        absl::StrCat("--operators: can't read ", line.operators, ": ",
                     errno == 0 ? "not a file" : std::strerror(errno)));
  }
  std::string text(kMaxOperatorBytes, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  OPCOST_ASSIGN_OR_RETURN(CustomOperators operators,
                          CustomOperators::Parse(line.operators, text));
  input.operators =
      std::make_shared<const CustomOperators>(std::move(operators));
  return input;
}

absl::Status ReadWeights(const Analysis& analysis,
                         const PayloadSource& payloads,
                         StorageOptions* options) {
  if (options->is_plain()) return absl::OkStatus();
  OPCOST_ASSIGN_OR_RETURN(WeightStatistics statistics,
                          ReadStatistics(analysis, payloads));
  options->statistics =
      std::make_shared<const WeightStatistics>(std::move(statistics));
  return absl::OkStatus();
}

absl::StatusOr<OpenModel> OpenModelAt(const std::string& path,
                                      const StorageOptions& options,
                                      const CliEnvironment& environment) {
  OpenModel open;
  if (path != "-" || options.is_plain()) {
    OPCOST_ASSIGN_OR_RETURN(Model model, ImportModel(path, environment));
    open.model = std::make_unique<const Model>(std::move(model));
    open.payloads = std::make_unique<const ModelPayloads>(path);
    return open;
  }
  open.bytes = std::make_unique<const std::string>(
      std::istreambuf_iterator<char>(*environment.in),
      std::istreambuf_iterator<char>());
  OPCOST_ASSIGN_OR_RETURN(Model model, ImportBytes(*open.bytes, path));
  open.model = std::make_unique<const Model>(std::move(model));
  open.payloads = std::make_unique<const ModelPayloads>(*open.bytes, path);
  return open;
}

absl::Status CheckStorage(const CommandLine& line) {
  const StorageOptions& storage = line.estimate.storage;
  if (storage.is_plain()) return absl::OkStatus();
  const std::string flag =
      storage.format == StorageFormat::kDense
          ? "--skip weights"
          : absl::StrCat("--weights ", FormatName(storage));
  if (line.input.count.skip_padding) {
    return UsageError(absl::StrCat(
        flag,
        " and --padding skipped exclude each other: which products the "
        "padding skips depends on where the zeros are; leave one of "
        "them out"));
  }
  if (line.is_symbolic && !storage.format.has_value()) {
    return UsageError(
        "--symbolic has no use for --weights auto, since it prints counts, not "
        "energies; name a format");
  }
  return absl::OkStatus();
}

absl::Status AsUsage(const absl::Status& status) {
  return absl::IsNotFound(status) ? UsageError(status.message()) : status;
}

absl::StatusOr<CostTable> TableOf(const CommandLine& line,
                                  const CliEnvironment& environment) {
  OPCOST_ASSIGN_OR_RETURN(CostTable table,
                          LibraryOf(environment).Load(line.table));
  OPCOST_RETURN_IF_ERROR(CheckTier(table, line.estimate.memory.weights_from));
  if (line.max_energy.has_value()) {
    OPCOST_RETURN_IF_ERROR(
        CheckUnit(*line.max_energy, table.name(), table.unit()));
  }
  return table;
}

absl::StatusOr<PricedModel> PriceModel(const CommandLine& line,
                                       std::unique_ptr<const Model> model,
                                       std::unique_ptr<const CostTable> table,
                                       const PayloadSource* payloads) {
  OPCOST_RETURN_IF_ERROR(CheckStorage(line));
  PricedModel priced;
  priced.model = std::move(model);
  priced.table = std::move(table);
  OPCOST_ASSIGN_OR_RETURN(const InputOptions input, InputOf(line));
  absl::StatusOr<Analysis> analysis = Analyze(*priced.model, input);
  if (!analysis.ok()) return AsUsage(analysis.status());
  priced.analysis = std::make_unique<const Analysis>(*std::move(analysis));
  EstimateOptions options = line.estimate;
  const ModelPayloads of_file(priced.model->path);
  OPCOST_RETURN_IF_ERROR(ReadWeights(*priced.analysis,
                                     payloads != nullptr ? *payloads : of_file,
                                     &options.storage));
  OPCOST_ASSIGN_OR_RETURN(
      Estimate estimate,
      MakeEstimate(*priced.analysis, *priced.table, options));
  priced.estimate = std::make_unique<const Estimate>(std::move(estimate));
  return priced;
}

absl::StatusOr<PricedModel> PriceModel(const CommandLine& line,
                                       const std::string& path,
                                       const CliEnvironment& environment) {
  OPCOST_ASSIGN_OR_RETURN(CostTable table, TableOf(line, environment));
  OPCOST_RETURN_IF_ERROR(CheckStorage(line));
  OPCOST_ASSIGN_OR_RETURN(
      OpenModel open, OpenModelAt(path, line.estimate.storage, environment));
  return PriceModel(line, std::move(open.model),
                    std::make_unique<const CostTable>(std::move(table)),
                    open.payloads.get());
}

void PrintDiagnostics(const Diagnostics& diagnostics, int verbosity,
                      std::ostream& err, absl::string_view prefix) {
  if (verbosity < 0) return;
  for (const Diagnostic& diagnostic : diagnostics.all()) {
    if (diagnostic.code == "unknown-layer") continue;  // PrintUnknownLayers
    err << (diagnostic.severity == Severity::kWarning ? "warning: " : "note: ")
        << prefix << diagnostic.message;
    if (verbosity > 0) err << " [" << diagnostic.code << "]";
    err << '\n';
  }
}

void PrintBoundDims(const Analysis& analysis, int verbosity,
                    std::ostream& err) {
  if (verbosity <= 0) return;
  for (const auto& [name, number] : analysis.bound_dims) {
    err << "note: dimension '" << name << "' is " << number << '\n';
  }
}

ExitStatus PrintUnknownLayers(const Analysis& analysis, const std::string& only,
                              std::ostream& err) {
  ExitStatus status = kDone;
  for (const LayerCounts& layer : analysis.layers) {
    if (layer.coverage.status != Coverage::Status::kUnknown) continue;
    if (!only.empty() && layer.name != only) continue;
    status = kIncomplete;
    err << "opcost: unknown: " << layer.node->op_type << " '" << layer.name
        << "': " << layer.coverage.reason;
    if (!layer.coverage.remedy.empty()) err << "; " << layer.coverage.remedy;
    err << '\n';
  }
  return status;
}

}  // namespace opcost
