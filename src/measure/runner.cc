// SPDX-License-Identifier: Apache-2.0
#include "opcost/measure/runner.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "opcost/support/status_macros.h"
#include "src/measure/child_process.h"

namespace opcost {
namespace {

using absl::string_view;

constexpr string_view kVersion = "opcost-runner/1";
constexpr double kSecondsToWrite = 30;
constexpr size_t kMostRemarks = 100;
constexpr size_t kMostLayers = 1000000;

double Now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// Text of a stranger for a message: short, and on one line.
std::string Quoted(string_view text) {
  constexpr size_t kMost = 200;
  std::string shown = absl::CHexEscape(text.substr(0, kMost));
  if (text.size() > kMost) absl::StrAppend(&shown, " ...");
  return absl::StrCat("'", shown, "'");
}

std::string Line(const std::vector<std::string>& fields) {
  std::vector<std::string> escaped;
  escaped.reserve(fields.size());
  for (const std::string& field : fields) escaped.push_back(EscapeField(field));
  return absl::StrJoin(escaped, "\t");
}

std::vector<std::string> FieldsOf(string_view line) {
  std::vector<std::string> fields;
  for (const string_view field : absl::StrSplit(line, '\t')) {
    fields.push_back(UnescapeField(field));
  }
  return fields;
}

bool ReadSeconds(string_view text, double* seconds) {
  return absl::SimpleAtod(text, seconds) && std::isfinite(*seconds) &&
         *seconds >= 0;
}

std::string ShapeText(const std::vector<int64_t>& shape) {
  return shape.empty() ? "scalar" : absl::StrJoin(shape, "x");
}

}  // namespace

std::string EscapeField(string_view text) {
  return absl::StrReplaceAll(
      text, {{"\\", "\\\\"}, {"\t", "\\t"}, {"\n", "\\n"}, {"\r", "\\r"}});
}

std::string UnescapeField(string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    const char next = i + 1 < text.size() ? text[i + 1] : '\0';
    const size_t kind = string_view("\\tnr").find(next);
    if (text[i] != '\\' || next == '\0' || kind == string_view::npos) {
      plain += text[i];
      continue;
    }
    plain += "\\\t\n\r"[kind];
    ++i;
  }
  return plain;
}

struct Runner::State {
  std::unique_ptr<ChildProcess> child;
  RunnerOptions options;
  std::string name;  // for messages
  bool is_broken = false;
  double seconds = 0;   // of the last run
  double deadline = 0;  // of the run that is under way
  bool is_running = false;

  // The runner can't be trusted from here on.
  absl::Status Break(string_view what) {
    is_broken = true;
    std::string message = absl::StrCat("runner ", name, ": ", what);
    if (child->WaitForEnd(0)) {
      absl::StrAppend(&message, " (exit status ", child->exit_status(), ")");
    }
    const std::string errors = child->LastErrors();
    if (!errors.empty()) {
      absl::StrAppend(&message, "; its last words: ", errors);
    }
    return absl::FailedPreconditionError(message);
  }

  absl::Status Send(const std::vector<std::string>& fields) {
    if (is_broken) return Break("it has ended");
    const absl::Status status = child->WriteLine(Line(fields), kSecondsToWrite);
    return status.ok() ? status : Break(status.message());
  }

  // What an "error" line says.
  absl::Status Reported(const std::vector<std::string>& fields) {
    if (fields.size() != 3) return Unexpected(absl::StrJoin(fields, "\t"));
    const std::string message =
        absl::StrCat("runner ", name, ": ", fields[2].substr(0, 4000));
    if (fields[1] == "model") return absl::InvalidArgumentError(message);
    return absl::FailedPreconditionError(message);
  }

  absl::Status Unexpected(string_view line) {
    return Break(absl::StrCat("unexpected answer ", Quoted(line)));
  }

  // The fields of the next line that isn't an error; empty: none yet.
  absl::StatusOr<std::vector<std::string>> Poll(double wait) {
    absl::StatusOr<std::optional<std::string>> line = child->ReadLine(wait);
    if (!line.ok()) return Break(line.status().message());
    if (!line->has_value()) return std::vector<std::string>();
    std::vector<std::string> fields = FieldsOf(**line);
    if (fields[0] == "error") return Reported(fields);
    return fields;
  }

  // The same, waiting until `end`.
  absl::StatusOr<std::vector<std::string>> Next(double end, string_view what,
                                                double limit) {
    OPCOST_ASSIGN_OR_RETURN(std::vector<std::string> fields,
                            Poll(std::max(0.0, end - Now())));
    // One that talks for ever is no better than one that is silent.
    if (fields.empty() || Now() >= end) {
      return Break(absl::StrCat("no ", what, " within ", limit, " s"));
    }
    return fields;
  }

  absl::Status Describe(const std::vector<std::string>& fields,
                        RunnerDescription& description) {
    if (fields.size() != 2) return Unexpected(absl::StrJoin(fields, "\t"));
    const std::string& key = fields[0];
    const std::string& value = fields[1];
    if (key == "runtime") {
      description.runtime = value;
    } else if (key == "version") {
      description.version = value;
    } else if (key == "device") {
      description.device = value;
    } else if (key == "precision") {
      description.precision = value;
    } else if (key == "threads") {
      if (!absl::SimpleAtoi(value, &description.threads) ||
          description.threads < 0) {
        return Unexpected(absl::StrJoin(fields, "\t"));
      }
    } else if (key == "remark") {
      if (description.remarks.size() < kMostRemarks) {
        description.remarks.push_back(value);
      }
    } else {
      return Unexpected(absl::StrJoin(fields, "\t"));
    }
    return absl::OkStatus();
  }
};

Runner::Runner(std::unique_ptr<State> state) : state_(std::move(state)) {}

Runner::~Runner() {
  if (!is_alive()) return;
  // One that is idle ends on its own; any other is killed.
  if (!state_->is_running && state_->Send({"quit"}).ok()) {
    state_->child->CloseInput();
    state_->child->WaitForEnd(1);
  }
}

absl::StatusOr<std::unique_ptr<Runner>> Runner::Open(
    const RunnerOptions& options) {
  auto state = std::make_unique<State>();
  state->options = options;
  state->name = absl::StrJoin(options.command, " ");
  ChildOptions child_options;
  child_options.command = options.command;
  child_options.cpus = options.cpus;
  OPCOST_ASSIGN_OR_RETURN(state->child, ChildProcess::Start(child_options));
  OPCOST_ASSIGN_OR_RETURN(const std::vector<std::string> fields,
                          state->Next(Now() + options.hello_seconds, "hello",
                                      options.hello_seconds));
  if (fields.size() != 2 || fields[0] != "hello") {
    return state->Unexpected(absl::StrJoin(fields, "\t"));
  }
  if (fields[1] != kVersion) {
    return state->Break(absl::StrCat("it speaks ", Quoted(fields[1]),
                                     ", but opcost speaks ", kVersion));
  }
  return std::unique_ptr<Runner>(new Runner(std::move(state)));
}

absl::StatusOr<RunnerDescription> Runner::Load(const LoadRequest& request) {
  std::vector<std::string> line = {"load", request.model};
  if (request.batch.has_value()) {
    line.push_back(absl::StrCat("batch=", *request.batch));
  }
  for (const auto& [name, number] : request.dims) {
    line.push_back(absl::StrCat("dim=", name, "=", number));
  }
  for (const RunnerInput& input : request.inputs) {
    line.push_back(
        absl::StrCat("input=", input.name, "=", ShapeText(input.shape)));
  }
  line.push_back(absl::StrCat("threads=", request.threads));
  line.push_back(absl::StrCat("seed=", request.seed));
  line.push_back(absl::StrCat("device=", request.device));
  line.push_back(
      absl::StrCat("optimisation=", request.optimises ? "on" : "off"));
  OPCOST_RETURN_IF_ERROR(state_->Send(line));
  RunnerDescription description;
  const double limit = state_->options.load_seconds;
  const double end = Now() + limit;
  while (true) {
    OPCOST_ASSIGN_OR_RETURN(const std::vector<std::string> fields,
                            state_->Next(end, "model ready", limit));
    if (fields.size() == 1 && fields[0] == "ready") return description;
    OPCOST_RETURN_IF_ERROR(state_->Describe(fields, description));
  }
}

absl::Status Runner::Begin(int64_t runs) {
  OPCOST_RETURN_IF_ERROR(state_->Send({"run", absl::StrCat(runs)}));
  state_->deadline = Now() + state_->options.run_seconds;
  state_->is_running = true;
  return absl::OkStatus();
}

absl::StatusOr<bool> Runner::Wait(double seconds) {
  const absl::StatusOr<std::vector<std::string>> answer = state_->Poll(seconds);
  if (!answer.ok()) state_->is_running = false;
  OPCOST_ASSIGN_OR_RETURN(const std::vector<std::string> fields, answer);
  if (fields.empty()) {
    if (Now() < state_->deadline) return false;
    return state_->Break(absl::StrCat("a run isn't done after ",
                                      state_->options.run_seconds, " s"));
  }
  state_->is_running = false;
  if (fields.size() != 2 || fields[0] != "done" ||
      !ReadSeconds(fields[1], &state_->seconds)) {
    return state_->Unexpected(absl::StrJoin(fields, "\t"));
  }
  return true;
}

double Runner::seconds() const { return state_->seconds; }

double Runner::processor_seconds() const {
  return state_->child->ProcessorSeconds();
}

absl::StatusOr<std::vector<LayerTime>> Runner::Layers(int64_t runs) {
  OPCOST_RETURN_IF_ERROR(state_->Send({"layers", absl::StrCat(runs)}));
  std::vector<LayerTime> layers;
  const double limit = state_->options.run_seconds;
  const double end = Now() + limit;
  while (true) {
    OPCOST_ASSIGN_OR_RETURN(const std::vector<std::string> fields,
                            state_->Next(end, "layer times", limit));
    if (fields.size() == 1 && fields[0] == "done") return layers;
    LayerTime layer;
    if (fields.size() != 4 || fields[0] != "layer" ||
        !ReadSeconds(fields[3], &layer.seconds) ||
        layers.size() >= kMostLayers) {
      return state_->Unexpected(absl::StrJoin(fields, "\t"));
    }
    layer.name = fields[1];
    layer.op = fields[2];
    layers.push_back(std::move(layer));
  }
}

bool Runner::is_alive() const {
  return !state_->is_broken && !state_->child->WaitForEnd(0);
}

}  // namespace opcost
