// SPDX-License-Identifier: Apache-2.0
// Every option: its name, its help, who takes it, and what it sets.
#include <iterator>
#include <limits>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "opcost/ir/data_type.h"
#include "opcost/support/near_matches.h"
#include "opcost/support/status_macros.h"
#include "src/cli/command_line.h"
#include "src/cli/limits.h"

namespace opcost {
namespace {

using absl::string_view;

template <typename T>
using Choices = std::vector<std::pair<std::string, T>>;

// The choice that is called `value`.
template <typename T>
absl::StatusOr<T> Choose(string_view value, const Choices<T>& choices) {
  std::vector<std::string> names;
  for (const auto& [name, choice] : choices) {
    if (value == name) return choice;
    names.push_back(name);
  }
  return UsageError(
      absl::StrCat("unknown value '", value, "'; use ", JoinWithOr(names)));
}

absl::StatusOr<int64_t> Number(string_view text, int64_t least) {
  int64_t number = 0;
  // SimpleAtoi forgives blanks and a sign; a size has neither.
  const bool is_digits =
      !text.empty() && text.find_first_not_of("0123456789") == text.npos;
  if (!is_digits || !absl::SimpleAtoi(text, &number) || number < least) {
    return UsageError(absl::StrCat("'", text, "' is not a whole number from ",
                                   least, " to ",
                                   std::numeric_limits<int64_t>::max()));
  }
  return number;
}

absl::StatusOr<NumberFormat> ParseFormat(string_view text) {
  const std::optional<NumberFormat> format = ParseNumberFormat(text);
  if (format.has_value()) return *format;
  std::vector<std::string> names;
  for (int i = 1; i < kDataTypeCount; ++i) {
    names.emplace_back(Name(static_cast<DataType>(i)));
  }
  return UsageError(absl::StrCat(
      "unknown number format '", text,
      "'; use a width (32: a float of 32 bits), a type (int8, bfloat16) or a "
      "kind and a width (float8, int6)",
      DidYouMean(text, names)));
}

// "NAME=VALUE", split at the last '=', since a name may contain one.
absl::StatusOr<std::pair<std::string, std::string>> NameAndValue(
    string_view text, string_view form) {
  const size_t equals = text.rfind('=');
  if (equals == text.npos || equals == 0 || equals + 1 == text.size()) {
    return UsageError(
        absl::StrCat("'", text, "' does not have the form ", form));
  }
  return std::make_pair(std::string(text.substr(0, equals)),
                        std::string(text.substr(equals + 1)));
}

template <std::optional<NumberFormat> FormatOptions::*kField>
absl::Status ApplyFormat(string_view value, CommandLine& line) {
  OPCOST_ASSIGN_OR_RETURN(line.estimate.formats.*kField, ParseFormat(value));
  return absl::OkStatus();
}

absl::Status ApplyTable(string_view value, CommandLine& line) {
  if (value.empty()) return UsageError("a table's name or file must follow");
  line.table = std::string(value);
  return absl::OkStatus();
}

absl::StatusOr<Movement> ParseMovement(string_view value) {
  return Choose<Movement>(
      value, {{"per-use", Movement::kPerUse}, {"once", Movement::kOnce}});
}

absl::Status ApplyMemoryModel(string_view value, CommandLine& line) {
  OPCOST_ASSIGN_OR_RETURN(line.estimate.memory.movement, ParseMovement(value));
  return absl::OkStatus();
}

absl::Status ApplyReads(string_view value, CommandLine& line) {
  OPCOST_ASSIGN_OR_RETURN(const auto given,
                          NameAndValue(value, "ROLE=once|per-use"));
  using Field = std::optional<Movement> MemoryOptions::*;
  OPCOST_ASSIGN_OR_RETURN(
      const Field role,
      Choose<Field>(given.first, {{"weight", &MemoryOptions::weight_reads},
                                  {"input", &MemoryOptions::input_reads},
                                  {"bias", &MemoryOptions::bias_reads}}));
  OPCOST_ASSIGN_OR_RETURN(const Movement movement, ParseMovement(given.second));
  std::optional<Movement>& field = line.estimate.memory.*role;
  if (field.has_value() && *field != movement) {
    return UsageError(absl::StrCat("'", given.first,
                                   "' is given twice, with different values"));
  }
  field = movement;
  return absl::OkStatus();
}

absl::Status ApplyArrayScope(string_view value, CommandLine& line) {
  OPCOST_ASSIGN_OR_RETURN(
      line.estimate.memory.array_scope,
      Choose<ArrayScope>(value, {{"tensor", ArrayScope::kTensor},
                                 {"operand", ArrayScope::kOperand}}));
  return absl::OkStatus();
}

absl::Status ApplyWeightsFrom(string_view value, CommandLine& line) {
  line.estimate.memory.weights_from = std::string(value);
  return absl::OkStatus();
}

absl::Status ApplyWeights(string_view value, CommandLine& line) {
  Choices<std::optional<StorageFormat>> choices;
  for (const StorageFormat format : kStorageFormats) {
    choices.emplace_back(Name(format), format);
  }
  choices.emplace_back("auto", std::nullopt);
  OPCOST_ASSIGN_OR_RETURN(line.estimate.storage.format,
                          Choose<std::optional<StorageFormat>>(value, choices));
  return absl::OkStatus();
}

absl::Status ApplySkip(string_view value, CommandLine& line) {
  OPCOST_ASSIGN_OR_RETURN(line.estimate.storage.skips_zeros,
                          Choose<bool>(value, {{"weights", true}}));
  return absl::OkStatus();
}

absl::Status ApplyBatch(string_view value, CommandLine& line) {
  OPCOST_ASSIGN_OR_RETURN(line.input.batch, Number(value, 1));
  return absl::OkStatus();
}

absl::Status ApplyPadding(string_view value, CommandLine& line) {
  OPCOST_ASSIGN_OR_RETURN(
      line.input.count.skip_padding,
      Choose<bool>(value, {{"counted", false}, {"skipped", true}}));
  return absl::OkStatus();
}

absl::Status ApplyGraph(string_view value, CommandLine& line) {
  Choices<GraphReading> choices;
  for (const GraphReading reading :
       {GraphReading::kAsWritten, GraphReading::kFolded,
        GraphReading::kDeployed}) {
    choices.emplace_back(std::string(Name(reading)), reading);
  }
  OPCOST_ASSIGN_OR_RETURN(line.input.reading,
                          Choose<GraphReading>(value, choices));
  return absl::OkStatus();
}

absl::Status ApplyUnbound(string_view value, CommandLine& line) {
  OPCOST_ASSIGN_OR_RETURN(line.input.unbound, Number(value, 0));
  return absl::OkStatus();
}

// NAME=N: --dim, --trip-count.
template <std::map<std::string, int64_t> InputOptions::*kField>
absl::Status ApplyNumber(string_view value, CommandLine& line) {
  OPCOST_ASSIGN_OR_RETURN(const auto given, NameAndValue(value, "NAME=N"));
  OPCOST_ASSIGN_OR_RETURN(const int64_t number, Number(given.second, 0));
  const auto [place, is_new] =
      (line.input.*kField).emplace(given.first, number);
  if (!is_new && place->second != number) {
    return UsageError(absl::StrCat("'", given.first, "' is given twice, as ",
                                   place->second, " and as ", number));
  }
  return absl::OkStatus();
}

absl::Status ApplyInput(string_view value, CommandLine& line) {
  OPCOST_ASSIGN_OR_RETURN(const auto given,
                          NameAndValue(value, "NAME=1x3x224x224"));
  std::vector<int64_t> shape;
  if (given.second != "scalar") {
    for (const string_view part : absl::StrSplit(given.second, 'x')) {
      OPCOST_ASSIGN_OR_RETURN(const int64_t extent, Number(part, 0));
      shape.push_back(extent);
    }
  }
  const auto [place, is_new] =
      line.input.input_shapes.emplace(given.first, shape);
  if (!is_new && place->second != shape) {
    return UsageError(absl::StrCat("'", given.first,
                                   "' is given twice, with different shapes"));
  }
  return absl::OkStatus();
}

absl::Status ApplyReportFormat(string_view value, CommandLine& line) {
  Choices<Format> choices = {{"text", Format::kText},
                             {"markdown", Format::kMarkdown}};
  if (line.command == kCarbon) {
    choices = {{"text", Format::kText},
               {"json", Format::kJson},
               {"csv", Format::kCsv}};
  }
  if (line.command == kSweep) {
    choices = {{"text", Format::kText},
               {"csv", Format::kCsv},
               {"jsonl", Format::kJsonl}};
    OPCOST_ASSIGN_OR_RETURN(line.render.format, Choose<Format>(value, choices));
    return absl::OkStatus();
  }
  if (line.command == kCalibrate) {
    choices = {{"text", Format::kText}, {"json", Format::kJson}};
    OPCOST_ASSIGN_OR_RETURN(line.render.format, Choose<Format>(value, choices));
    return absl::OkStatus();
  }
  // An explanation is for people, and only layers come one to a line.
  if (line.command != kExplain && line.command != kCarbon) {
    choices.emplace_back("json", Format::kJson);
    choices.emplace_back("csv", Format::kCsv);
  }
  if ((line.command & (kListing | kWeights)) != 0) {
    choices.emplace_back("jsonl", Format::kJsonl);
  }
  OPCOST_ASSIGN_OR_RETURN(line.render.format, Choose<Format>(value, choices));
  return absl::OkStatus();
}

absl::Status ApplyBy(string_view value, CommandLine& line) {
  OPCOST_ASSIGN_OR_RETURN(line.render.group_by,
                          Choose<GroupBy>(value, {{"layer", GroupBy::kLayer},
                                                  {"op", GroupBy::kOp}}));
  return absl::OkStatus();
}

absl::Status ApplySort(string_view value, CommandLine& line) {
  OPCOST_ASSIGN_OR_RETURN(line.render.sort_by,
                          Choose<SortBy>(value, {{"order", SortBy::kOrder},
                                                 {"energy", SortBy::kEnergy},
                                                 {"macs", SortBy::kMacs},
                                                 {"name", SortBy::kName}}));
  return absl::OkStatus();
}

absl::Status ApplyTop(string_view value, CommandLine& line) {
  line.has_top = true;
  if (value == "all") return absl::OkStatus();
  const absl::StatusOr<int64_t> number = Number(value, 1);
  if (!number.ok()) {
    return UsageError(absl::StrCat(number.status().message(), ", nor 'all'"));
  }
  line.render.top = *number;
  return absl::OkStatus();
}

absl::Status ApplyUnit(string_view value, CommandLine& line) {
  OPCOST_ASSIGN_OR_RETURN(line.render.unit,
                          Choose<Unit>(value, {{"auto", Unit::kAuto},
                                               {"pJ", Unit::kPj},
                                               {"nJ", Unit::kNj},
                                               {"uJ", Unit::kUj},
                                               {"mJ", Unit::kMj},
                                               {"J", Unit::kJ}}));
  return absl::OkStatus();
}

absl::Status ApplyMaxEnergy(string_view value, CommandLine& line) {
  OPCOST_ASSIGN_OR_RETURN(line.max_energy, ParseEnergyLimit(value));
  return absl::OkStatus();
}

template <std::optional<RatioLimit> CommandLine::*kField>
absl::Status ApplyRatio(string_view value, CommandLine& line) {
  OPCOST_ASSIGN_OR_RETURN(line.*kField, ParseRatioLimit(value));
  return absl::OkStatus();
}

absl::Status ApplyColor(string_view value, CommandLine& line) {
  OPCOST_ASSIGN_OR_RETURN(line.color,
                          Choose<When>(value, {{"auto", When::kAuto},
                                               {"always", When::kAlways},
                                               {"never", When::kNever}}));
  return absl::OkStatus();
}

template <std::string CommandLine::*kField>
absl::Status ApplyText(string_view value, CommandLine& line) {
  if (value.empty()) return UsageError("its value must not be empty");
  line.*kField = std::string(value);
  return absl::OkStatus();
}

template <bool CommandLine::*kField>
absl::Status ApplyFlag(string_view, CommandLine& line) {
  line.*kField = true;
  return absl::OkStatus();
}

template <int kLevel>
absl::Status ApplyVerbosity(string_view, CommandLine& line) {
  if (line.render.verbosity == -kLevel) {
    return UsageError("-q and -v contradict each other");
  }
  line.render.verbosity = kLevel;
  return absl::OkStatus();
}

// clang-format off
constexpr OptionRow kOptions[] = {
    {"--bits", "B", "number format of every floating-point tensor: a width, which means a float (32, 16, 8), or a type (int8, bfloat16). Default: each tensor's own", OptionGroup::kFormats, kLowering, false, &ApplyFormat<&FormatOptions::bits>},
    {"--weight-bits", "B", "the same for the constant operands of convolutions, matrix products and Gather", OptionGroup::kFormats, kLowering, false, &ApplyFormat<&FormatOptions::weight_bits>},
    {"--activation-bits", "B", "the same for all other floating-point tensors", OptionGroup::kFormats, kLowering, false, &ApplyFormat<&FormatOptions::activation_bits>},
    {"--accumulator-bits", "B", "format in which products are summed. Default: the product's own for floats, int32 for integers", OptionGroup::kFormats, kLowering, false, &ApplyFormat<&FormatOptions::accumulator_bits>},

    {"--table", "NAME|FILE", "cost table, by name (see opcost tables) or file. Default: horowitz-45nm", OptionGroup::kMachine, kLowering, false, &ApplyTable},
    {"--memory-model", "per-use|once", "every use of an element is a read (the default), or each array moves once: a lower bound", OptionGroup::kMachine, kLowering, false, &ApplyMemoryModel},
    {"--reads", "ROLE=once|per-use", "the same for one role of arrays: weight, input or bias. May be repeated", OptionGroup::kMachine, kLowering, true, &ApplyReads},
    {"--array-scope", "tensor|operand", "an array lives in the tier that holds the whole tensor (the default), or the part that one matrix-vector product touches", OptionGroup::kMachine, kLowering, false, &ApplyArrayScope},
    {"--weights-from", "TIER", "read each weight once more from this tier of the table, as on a cold start", OptionGroup::kMachine, kLowering, false, &ApplyWeightsFrom},
    {"--graph", "READING", "how the graph is read: as-written, folded (quantised regions run as integer kernels, the default) or deployed (also with batch norm, activations and residual additions in their producers)", OptionGroup::kMachine, kLowering, false, &ApplyGraph},
    {"--weights", "FORMAT", "how weights are stored and multiplied: dense (the default), csr, cer, cser, bitmap, nm, or auto, the one of least energy for each layer. Reads the weights' values", OptionGroup::kMachine, kStoring, false, &ApplyWeights},
    {"--skip", "weights", "dense weights that are zero are read, but neither multiplied nor added. Reads the weights' values", OptionGroup::kMachine, kStoring, false, &ApplySkip},
    {"--padding", "counted|skipped", "a window over the border counts as much as an inner one (the default), or only what of it lies inside", OptionGroup::kMachine, kLowering, false, &ApplyPadding},

    {"--batch", "N", "size of axis 0 of every graph input that shares the first input's", OptionGroup::kInputs, kCalibrate | kModelReading, false, &ApplyBatch},
    {"--dim", "NAME=N", "size of a symbolic dimension, or of one that the model calls by an expression ('past + 1=8'). May be repeated", OptionGroup::kInputs, kCalibrate | kModelReading | kCollect, true, &ApplyNumber<&InputOptions::dims>},
    {"--unbound", "N", "size of every symbolic dimension that is left, except the batch", OptionGroup::kInputs, kCalibrate | kModelReading | kCollect, false, &ApplyUnbound},
    {"--input", "NAME=1x3x224x224", "shape of a graph input ('scalar' for none). May be repeated", OptionGroup::kInputs, kCalibrate | kModelReading | kCollect, true, &ApplyInput},
    {"--trip-count", "NAME=N", "how often the Loop called NAME runs. May be repeated", OptionGroup::kInputs, kCalibrate | kModelReading, true, &ApplyNumber<&InputOptions::trip_counts>},
    {"--operators", "FILE", "operators of your own, described in a TOML file (docs/user-operators.md); they go before opcost's", OptionGroup::kInputs, kCalibrate | kModelReading, false, &ApplyText<&CommandLine::operators>},

    {"--format", "FORMAT", "text (the default) or markdown; but for explain also json and csv; for estimate, compare and weights also jsonl, a layer or tensor to a line; for carbon text, json or csv, for calibrate text or json", OptionGroup::kOutput, kModelReading | kTableViews | kCarbon | kCalibrate, false, &ApplyReportFormat},
    {"-o,--output", "FILE", "write the result to FILE, whole or not at all, and nothing to standard output; collect appends its rows to it, calibrate writes the table there and its report to standard output", OptionGroup::kOutput, kCollect | kModelReading | kTableViews | kTablesNew | kCarbon | kCalibrate, false, &ApplyText<&CommandLine::output>},
    {"--layer", "NAME", "explain this layer alone", OptionGroup::kOutput, kExplain, false, &ApplyText<&CommandLine::layer>},
    {"--by", "layer|op", "a row for each layer (the default) or for each operator", OptionGroup::kOutput, kListing, false, &ApplyBy},
    {"--sort", "KEY", "order of the rows: order (as the graph has them, the default), energy, macs or name", OptionGroup::kOutput, kListing, false, &ApplySort},
    {"--top", "N|all", "show the N rows of most energy (weights: the largest; measure: those measured highest), and one that sums the others. Default: 25 on a terminal, else all", OptionGroup::kOutput, kListing | kWeights | kMeasure, false, &ApplyTop},
    {"--unit", "UNIT", "of energies in text: auto (the default), pJ, nJ, uJ, mJ or J", OptionGroup::kOutput, kPricing, false, &ApplyUnit},
    {"--color", "WHEN", "auto (on a terminal, unless NO_COLOR is set; the default), always or never", OptionGroup::kOutput, kModelReading | kTableViews | kCalibrate, false, &ApplyColor},
    {"--symbolic", "", "print counts as expressions of the dimensions that aren't given, without energies", OptionGroup::kOutput, kEstimate, false, &ApplyFlag<&CommandLine::is_symbolic>},

    {"--max-energy", "E", "exit with 3 if a total is above E: 5mJ, in pJ to J; under a relative table 1.2GMAC", OptionGroup::kOther, kListing, false, &ApplyMaxEnergy},
    {"--max-ratio", "R", "exit with 3 if a variant takes more than R times what BASE takes: 1.10", OptionGroup::kOther, kCompare, false, &ApplyRatio<&CommandLine::max_ratio>},
    {"--max-layer-ratio", "R", "exit with 3 if any layer of a variant takes more than R times what its partner in BASE takes", OptionGroup::kOther, kCompare, false, &ApplyRatio<&CommandLine::max_layer_ratio>},
    {"--allow-unknown", "", "exit with 0, not 5, where layers are unknown", OptionGroup::kOther, kPricing, false, &ApplyFlag<&CommandLine::allows_unknown>},
    {"--from", "NAME|FILE", "the table to copy", OptionGroup::kOther, kTablesNew, false, &ApplyText<&CommandLine::from>},
    {"--name", "NEW", "the new table's name. Default: the file's, without .toml", OptionGroup::kOther, kTablesNew | kCalibrate, false, &ApplyText<&CommandLine::new_name>},
    {"-q,--quiet", "", "print no warnings and notes", OptionGroup::kOther, kModelReading | kCollect | kCalibrate, false, &ApplyVerbosity<-1>},
    {"-v,--verbose", "", "say more: the codes of warnings, what dimensions were bound to", OptionGroup::kOther, kModelReading | kCollect, false, &ApplyVerbosity<1>},
    {"-h,--help", "", "print this help", OptionGroup::kOther, kEveryCommand, false, &ApplyFlag<&CommandLine::wants_help>},
    {"--version", "", "print the version", OptionGroup::kOther, kEveryCommand, false, &ApplyFlag<&CommandLine::wants_version>},
};
// clang-format on

}  // namespace

absl::string_view OptionRow::long_flag() const {
  const size_t comma = flags.rfind(',');
  return comma == flags.npos ? flags : flags.substr(comma + 1);
}

absl::Span<const OptionRow> OptionRows() {
  static const std::vector<OptionRow>& rows = *[] {
    auto* all =
        new std::vector<OptionRow>(std::begin(kOptions), std::end(kOptions));
    for (const absl::Span<const OptionRow> more :
         {CalibrateOptionRows(), CarbonOptionRows(), MeasureOptionRows(),
          CollectOptionRows()}) {
      all->insert(all->end(), more.begin(), more.end());
    }
    return all;
  }();
  return rows;
}

}  // namespace opcost
