// SPDX-License-Identifier: Apache-2.0
// What the user typed, and what may be typed: commands and options as rows.
#ifndef OPCOST_SRC_CLI_COMMAND_LINE_H_
#define OPCOST_SRC_CLI_COMMAND_LINE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "opcost/analysis/analysis.h"
#include "opcost/energy/estimate.h"
#include "opcost/report/report.h"
#include "src/cli/calibrate_request.h"
#include "src/cli/carbon_request.h"
#include "src/cli/collect_request.h"
#include "src/cli/measure_options.h"

namespace opcost {

// Commands, as bits so that an option can name all that take it.
enum CommandBit : unsigned {
  kEstimate = 1 << 0,
  kExplain = 1 << 1,
  kShapes = 1 << 2,
  kTables = 1 << 3,
  kTablesShow = 1 << 4,
  kTablesCheck = 1 << 5,
  kTablesNew = 1 << 6,
  kTablesDiff = 1 << 7,
  kCompare = 1 << 8,
  kSweep = 1 << 9,
  kWeights = 1 << 10,
  kMeasure = 1 << 11,
  kCollect = 1 << 12,
  kCalibrate = 1 << 13,
  kCarbon = 1 << 14,
  kHelp = 1 << 15,
};
// What lists layers with their energies.
inline constexpr unsigned kListing = kEstimate | kCompare;
inline constexpr unsigned kPricing =
    kListing | kExplain | kSweep | kWeights | kMeasure;
// What lowers models to counts.
inline constexpr unsigned kLowering = kPricing | kCalibrate;
// What prices one storage format; `weights` shows all.
inline constexpr unsigned kStoring = kPricing & ~kWeights;
inline constexpr unsigned kModelReading = kPricing | kShapes;
inline constexpr unsigned kTableViews = kTables | kTablesShow | kTablesDiff;
inline constexpr unsigned kEveryCommand = (kHelp << 1) - 1;

enum class When : uint8_t { kAuto, kAlways, kNever };

struct OptionRow;

// An option as it was given.
struct GivenOption {
  const OptionRow* row = nullptr;
  std::string value;
};

// An option to which sweep gave a list.
struct SweepAxis {
  const OptionRow* row = nullptr;
  std::string name;                 // "bits"; "dim.N" of --dim N=1,2
  std::vector<std::string> labels;  // "1", "2"
  std::vector<std::string> values;  // as the option takes them: "N=1", "N=2"
};

// --max-ratio and --max-layer-ratio, as they were given.
struct RatioLimit {
  std::string text;  // "1.10"
  double ratio = 0;
};

// --max-energy, as it was given.
struct EnergyLimit {
  std::string text;          // "5mJ"
  double amount = 0;         // pJ; MACs if it is relative
  bool is_relative = false;  // for tables whose unit is one MAC
};

// A command with its options, understood and checked.
struct CommandLine {
  CommandBit command = kEstimate;
  std::vector<std::string> operands;  // models, tables, topics
  InputOptions input;
  EstimateOptions estimate;
  RenderOptions render;
  std::string table = "horowitz-45nm";
  When color = When::kAuto;
  bool has_top = false;                   // --top was given, `all` included
  bool is_symbolic = false;               // --symbolic
  bool allows_unknown = false;            // --allow-unknown
  std::string operators;                  // --operators; empty: none
  std::string layer;                      // --layer; empty: all
  std::string from;                       // --from
  std::string new_name;                   // --name; empty: after the file
  std::string output;                     // -o; empty: standard output
  std::optional<EnergyLimit> max_energy;  // --max-energy
  std::optional<RatioLimit> max_ratio, max_layer_ratio;
  CarbonRequest carbon;
  MeasureCommandOptions measure;
  CollectRequest collect;
  CalibrationRequest calibrate;
  std::vector<SweepAxis> axes;  // of sweep, in the order of the options' rows
  std::vector<GivenOption> given;  // all options, by their rows' order
  bool wants_help = false;
  bool wants_version = false;
};

// One command.
struct CommandRow {
  CommandBit bit;
  absl::string_view name;      // "tables show"
  absl::string_view operands;  // as the usage line has them
  size_t least_operands;
  size_t most_operands;
  absl::string_view summary;  // one line
  absl::string_view details;  // paragraphs of `opcost help NAME`, wrapped
};
absl::Span<const CommandRow> CommandRows();
const CommandRow& RowOf(CommandBit command);
// nullptr if no command is called so.
const CommandRow* FindCommand(absl::string_view name);

// Headings that options stand under in a help text.
enum class OptionGroup : uint8_t {
  kFormats,
  kMachine,
  kInputs,
  kMeasuring,
  kFit,
  kOutput,
  kCarbon,
  kOther,
};

// One option.
struct OptionRow {
  absl::string_view flags;  // "-o,--output"
  absl::string_view value;  // "FILE"; empty: a flag, which takes none
  absl::string_view help;
  OptionGroup group;
  unsigned commands;  // bits of those that take it
  bool repeats;
  // Writes what the option says into `line`. The error doesn't name the option.
  absl::Status (*apply)(absl::string_view value, CommandLine& line);

  // "--output": the last of the flags.
  absl::string_view long_flag() const;
};
absl::Span<const OptionRow> OptionRows();

// An error that is the command line's (exit status 2).
absl::Status UsageError(absl::string_view message);
bool IsUsageError(const absl::Status& status);

// "text, json or csv".
std::string JoinWithOr(const std::vector<std::string>& words);

// Reads `arguments`, the program's name left out. Errors are usage errors.
absl::StatusOr<CommandLine> ParseCommandLine(
    const std::vector<std::string>& arguments);

}  // namespace opcost

#endif  // OPCOST_SRC_CLI_COMMAND_LINE_H_
