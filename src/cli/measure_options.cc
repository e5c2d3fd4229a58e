// SPDX-License-Identifier: Apache-2.0
// The options of measured runs.
#include "src/cli/measure_options.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "opcost/support/status_macros.h"
#include "src/cli/command_line.h"

namespace opcost {
namespace {

using absl::string_view;

constexpr double kMostSeconds = 86400;
constexpr int kMostCpu = 1023;  // of the kernel's plain processor sets

bool IsDigits(string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return absl::ascii_isdigit(c); });
}

absl::StatusOr<int64_t> Whole(string_view text, int64_t least, int64_t most) {
  int64_t number = 0;
  if (!IsDigits(text) || !absl::SimpleAtoi(text, &number) || number < least ||
      number > most) {
    return UsageError(absl::StrCat("'", text, "' is not a whole number from ",
                                   least, " to ", most));
  }
  return number;
}

absl::StatusOr<double> Seconds(string_view text, bool may_be_zero) {
  double seconds = 0;
  const bool is_number = !text.empty() && text[0] != '-' &&
                         absl::SimpleAtod(text, &seconds) &&
                         seconds <= kMostSeconds;
  if (!is_number || !(seconds > 0 || (may_be_zero && seconds == 0))) {
    return UsageError(absl::StrCat("'", text, "' is not a number of seconds ",
                                   may_be_zero ? "from 0" : "above 0", " to ",
                                   kMostSeconds));
  }
  return seconds;
}

template <std::string MeasureCommandOptions::*kField>
absl::Status ApplyText(string_view value, CommandLine& line) {
  if (value.empty()) return UsageError("its value must not be empty");
  line.measure.*kField = std::string(value);
  return absl::OkStatus();
}

template <std::string MeasuringOptions::*kField>
absl::Status ApplySessionText(string_view value, CommandLine& line) {
  if (value.empty()) return UsageError("its value must not be empty");
  line.measure.session.*kField = std::string(value);
  return absl::OkStatus();
}

absl::Status ApplyCounter(string_view value, CommandLine& line) {
  line.measure.session.counter.counter = std::string(value);
  return absl::OkStatus();
}

absl::Status ApplyPowercapRoot(string_view value, CommandLine& line) {
  if (value.empty()) return UsageError("a folder must follow");
  line.measure.session.counter.powercap_root = std::string(value);
  return absl::OkStatus();
}

absl::Status ApplyCheck(string_view, CommandLine& line) {
  line.measure.is_check = true;
  return absl::OkStatus();
}

absl::Status ApplyThreads(string_view value, CommandLine& line) {
  OPCOST_ASSIGN_OR_RETURN(const int64_t number, Whole(value, 1, 65536));
  line.measure.session.threads = static_cast<int>(number);
  return absl::OkStatus();
}

absl::Status ApplyCpus(string_view value, CommandLine& line) {
  std::vector<int>& cpus = line.measure.session.cpus;
  for (const string_view part : absl::StrSplit(value, ',')) {
    const std::pair<string_view, string_view> ends =
        absl::StrSplit(part, absl::MaxSplits('-', 1));
    OPCOST_ASSIGN_OR_RETURN(const int64_t begin,
                            Whole(ends.first, 0, kMostCpu));
    int64_t end = begin;
    if (absl::StrContains(part, '-')) {
      OPCOST_ASSIGN_OR_RETURN(end, Whole(ends.second, begin, kMostCpu));
    }
    for (int64_t cpu = begin; cpu <= end; ++cpu) {
      cpus.push_back(static_cast<int>(cpu));
    }
  }
  std::sort(cpus.begin(), cpus.end());
  cpus.erase(std::unique(cpus.begin(), cpus.end()), cpus.end());
  return absl::OkStatus();
}

template <double ProtocolOptions::*kField, bool kMayBeZero>
absl::Status ApplySeconds(string_view value, CommandLine& line) {
  OPCOST_ASSIGN_OR_RETURN(line.measure.session.protocol.*kField,
                          Seconds(value, kMayBeZero));
  return absl::OkStatus();
}

absl::Status ApplyTrials(string_view value, CommandLine& line) {
  const size_t dots = value.find("..");
  constexpr int64_t kMost = 10000;
  OPCOST_ASSIGN_OR_RETURN(const int64_t least,
                          Whole(value.substr(0, dots), 2, kMost));
  int64_t most = least;
  if (dots != value.npos) {
    OPCOST_ASSIGN_OR_RETURN(most, Whole(value.substr(dots + 2), least, kMost));
  }
  line.measure.session.protocol.least_trials = static_cast<int>(least);
  line.measure.session.protocol.most_trials = static_cast<int>(most);
  return absl::OkStatus();
}

absl::Status ApplyPrecision(string_view value, CommandLine& line) {
  string_view number = value;
  const double scale = absl::ConsumeSuffix(&number, "%") ? 0.01 : 1;
  double precision = 0;
  if (number.empty() || number[0] == '-' ||
      !absl::SimpleAtod(number, &precision) || !(precision > 0) ||
      !(precision * scale < 1)) {
    return UsageError(
        absl::StrCat("'", value, "' is not a part of the mean: 0.02, or 2%"));
  }
  line.measure.session.protocol.precision = precision * scale;
  return absl::OkStatus();
}

absl::Status ApplyDevice(string_view value, CommandLine& line) {
  string_view index = value;
  if (value != "cpu" && value != "cuda" &&
      !(absl::ConsumePrefix(&index, "cuda:") && IsDigits(index) &&
        index.size() < 4)) {
    return UsageError(
        absl::StrCat("unknown device '", value, "'; use cpu, cuda or cuda:N"));
  }
  line.measure.session.device = std::string(value);
  return absl::OkStatus();
}

absl::Status ApplyOptimisation(string_view value, CommandLine& line) {
  if (value != "on" && value != "off") {
    return UsageError(
        absl::StrCat("unknown value '", value, "'; use on or off"));
  }
  line.measure.session.optimises = value == "on";
  return absl::OkStatus();
}

absl::Status ApplySeed(string_view value, CommandLine& line) {
  OPCOST_ASSIGN_OR_RETURN(const int64_t seed,
                          Whole(value, 0, std::numeric_limits<int64_t>::max()));
  line.measure.session.seed = static_cast<uint64_t>(seed);
  return absl::OkStatus();
}

absl::Status ApplyLayerTimes(string_view value, CommandLine& line) {
  if (value != "on" && value != "off") {
    return UsageError(
        absl::StrCat("unknown value '", value, "'; use on or off"));
  }
  line.measure.has_layers = value == "on";
  return absl::OkStatus();
}

// "64GB"; `host` is what the kernel says that there is.
absl::Status ApplyModelledMemory(string_view value, CommandLine& line) {
  double gigabytes = 0;
  string_view number = value;
  if (value == "host") {
    std::ifstream file(line.measure.session.counter.proc_root + "/meminfo");
    std::string key;
    double kibibytes = 0;
    while (file >> key && key != "MemTotal:") {
    }
    if (!(file >> kibibytes)) {
      return UsageError(
          "the kernel doesn't say how much memory there is; give "
          "it: 64GB");
    }
    gigabytes = kibibytes * 1024 / 1e9;
  } else if (!absl::ConsumeSuffix(&number, "GB") ||
             !absl::SimpleAtod(number, &gigabytes) || !(gigabytes > 0) ||
             gigabytes > 1e6) {
    return UsageError(
        absl::StrCat("'", value, "' is not a size of memory: 64GB, or host"));
  }
  line.measure.session.memory_bytes = gigabytes * 1e9;
  return absl::OkStatus();
}

constexpr unsigned kMeasuring = kMeasure | kCollect;

// clang-format off
constexpr OptionRow kRows[] = {
    {"--counter", "COUNTER", "what counts the energy: auto (the first of rapl, perf and nvml that can be read; the default), rapl, perf, nvml, meter=FILE (a CSV of time and watts), or constant=WATTS, which measures time alone and is labelled modelled", OptionGroup::kMeasuring, kMeasuring, false, &ApplyCounter},
    {"--powercap-root", "FOLDER", "where the kernel's powercap tree is, in containers and tests. Default: /sys/class/powercap", OptionGroup::kMeasuring, kMeasuring, false, &ApplyPowercapRoot},
    {"--check", "", "say what counters this machine has, and what would help where one can't be used", OptionGroup::kMeasuring, kMeasure, false, &ApplyCheck},
    {"--exec", "COMMAND", "measure this command of the shell over its whole run, in place of a model", OptionGroup::kMeasuring, kMeasure, false, &ApplyText<&MeasureCommandOptions::exec>},
    {"--runner", "NAME|COMMAND", "what runs the model: onnxruntime (the default), pytorch, or a command with a blank or a slash in it that speaks docs/runner-protocol.md", OptionGroup::kMeasuring, kMeasuring, false, &ApplySessionText<&MeasuringOptions::runner>},
    {"--python", "FILE", "the interpreter of opcost's own runners. Default: $OPCOST_PYTHON, else python3", OptionGroup::kMeasuring, kMeasuring, false, &ApplySessionText<&MeasuringOptions::python>},
    {"--device", "DEVICE", "cpu (the default), cuda or cuda:N", OptionGroup::kMeasuring, kMeasuring, false, &ApplyDevice},
    {"--threads", "N", "threads of the runtime. Default: as it likes", OptionGroup::kMeasuring, kMeasuring, false, &ApplyThreads},
    {"--cpus", "LIST", "processors that the runner, or the command, may use: 0,2-3. Default: all", OptionGroup::kMeasuring, kMeasuring, false, &ApplyCpus},
    {"--optimisation", "on|off", "the runtime's graph optimisations. Default: on", OptionGroup::kMeasuring, kMeasuring, false, &ApplyOptimisation},
    {"--seed", "N", "of random inputs and weights, and of what collect draws. Default: 1", OptionGroup::kMeasuring, kMeasuring, false, &ApplySeed},
    {"--warm-up", "SECONDS", "run at least so long before anything counts. Default: 1", OptionGroup::kMeasuring, kMeasuring, false, &ApplySeconds<&ProtocolOptions::warm_seconds, true>},
    {"--window", "SECONDS", "of one trial. Default: what the counter needs: 10 for RAPL, 5 for NVML", OptionGroup::kMeasuring, kMeasuring, false, &ApplySeconds<&ProtocolOptions::window_seconds, false>},
    {"--idle", "SECONDS", "measure idle power so long before and after; 0: not at all. Default: a window", OptionGroup::kMeasuring, kMeasuring, false, &ApplySeconds<&ProtocolOptions::idle_seconds, true>},
    {"--trials", "MIN..MAX", "how many windows. Default: 10..30", OptionGroup::kMeasuring, kMeasuring, false, &ApplyTrials},
    {"--precision", "P", "stop where half of the 95 % interval is at most this part of the mean: 0.02 (the default), or 2%", OptionGroup::kMeasuring, kMeasuring, false, &ApplyPrecision},
    {"--layer-times", "on|off", "also time each layer, where the runner can. Default: on", OptionGroup::kMeasuring, kMeasure, false, &ApplyLayerTimes},
    {"--modelled-memory", "SIZE|host", "also print 3 W for each 8 GB of memory, as CodeCarbon has it: 64GB, or this host's. Labelled modelled, and in no other number", OptionGroup::kMeasuring, kMeasure, false, &ApplyModelledMemory},
    {"--append", "FILE", "also append a row of calibration data to this CSV; its header is written once", OptionGroup::kMeasuring, kMeasure, false, &ApplyText<&MeasureCommandOptions::append>},
    {"--group", "NAME", "the row's group, which cross-validation holds out together. Default: the model's file without its ending", OptionGroup::kMeasuring, kMeasure, false, &ApplyText<&MeasureCommandOptions::group>},
};
// clang-format on

}  // namespace

absl::Span<const OptionRow> MeasureOptionRows() { return kRows; }

}  // namespace opcost
