// SPDX-License-Identifier: Apache-2.0
// The documents of schemas/measurement.schema.json, and CSV.
#include "absl/strings/str_cat.h"
#include "opcost/version.h"
#include "src/report/carbon_parts.h"
#include "src/report/grid.h"
#include "src/report/json_parts.h"
#include "src/report/json_writer.h"
#include "src/report/measurement_parts.h"
#include "src/report/numbers.h"
#include "src/report/utf8.h"

namespace opcost {
namespace {

using Lines = JsonWriter::Lines;

constexpr char kSchema[] = "opcost.measurement/1";

void WriteInterval(absl::string_view key, const Interval& interval,
                   JsonWriter& json) {
  json.Key(key).BeginObject(Lines::kOne);
  json.Member("mean", interval.mean);
  json.Member("half_width", interval.half_width);
  json.EndObject();
}

void WriteStrings(absl::string_view key, const std::vector<std::string>& texts,
                  JsonWriter& json) {
  json.Key(key).BeginArray();
  for (const std::string& text : texts) json.String(text);
  json.EndArray();
}

void WriteCounter(const std::string& name, bool is_measured,
                  double constant_watts, JsonWriter& json) {
  json.Key("counter").BeginObject(Lines::kOne);
  json.Member("name", name);
  json.Member("kind", is_measured ? "measured" : "modelled");
  if (!is_measured) json.Member("constant_watts", constant_watts);
  json.EndObject();
}

void WriteRunner(const RunnerDescription& runner, JsonWriter& json) {
  json.Key("runner").BeginObject();
  json.Member("runtime", runner.runtime);
  json.Member("version", runner.version);
  json.Member("device", runner.device);
  json.Member("precision", runner.precision);
  json.Key("threads");
  runner.threads > 0 ? json.Int(runner.threads) : json.Null();
  WriteStrings("remarks", runner.remarks, json);
  json.EndObject();
}

void WriteMeasured(const MeasuredReport& report, JsonWriter& json) {
  const Measurement& m = *report.measurement;
  json.Key("measured").BeginObject();
  WriteInterval("net_joules", m.net_joules, json);
  WriteInterval("gross_joules", m.gross_joules, json);
  WriteInterval("seconds", m.seconds, json);
  WriteInterval("gross_watts", m.gross_watts, json);
  json.Member("idle_watts", m.idle_watts);
  json.Member("pj_per_mac", PicojoulesPerMac(report));
  if (m.modelled_memory_joules > 0) {
    json.Member("modelled_memory_joules", m.modelled_memory_joules);
  }
  json.EndObject();
  json.Key("trials").BeginArray();
  for (const Trial& trial : m.trials) {
    json.BeginObject(Lines::kOne);
    json.Member("runs", trial.runs);
    json.Member("seconds", trial.seconds);
    json.Member("microjoules", trial.microjoules);
    json.EndObject();
  }
  json.EndArray();
}

void WriteLayers(const MeasuredReport& report, JsonWriter& json) {
  json.Key("layers").BeginArray();
  for (const MeasuredLayer& layer : report.layers) {
    json.BeginObject(Lines::kOne);
    json.Member("name", layer.name);
    json.Member("op", layer.op);
    json.Member("seconds", layer.seconds);
    json.Member("joules", layer.joules);
    json.Member("estimate", layer.estimated);
    json.EndObject();
  }
  json.EndArray();
  json.Member("rank_correlation", report.rank_correlation);
}

void WriteHead(JsonWriter& json) {
  json.BeginObject();
  json.Member("schema", kSchema);
  json.Member("opcost", OPCOST_VERSION);
}

std::string ChecksAsText(const std::vector<CounterCheck>& checks,
                         const HostEnvironment& environment,
                         const RenderOptions& options) {
  std::string out = Wrap("", HostText(environment), options.width);
  if (!environment.virtual_machine.empty()) {
    absl::StrAppend(&out, "a virtual machine (",
                    OneLine(environment.virtual_machine), ")\n");
  }
  for (const CounterCheck& check : checks) {
    absl::StrAppend(
        &out, "\n",
        Paint(absl::StrCat(check.counter,
                           check.is_usable ? ": usable" : ": not usable"),
              Style::kBold, options.color),
        "\n");
    for (const EnergyDomain& domain : check.domains) {
      absl::StrAppend(
          &out,
          Wrap("  ",
               OneLine(absl::StrCat(domain.name, " (", domain.source, ")",
                                    domain.is_summed ? "" : ": not added, ",
                                    domain.is_summed ? "" : domain.remark)),
               options.width));
    }
    if (!check.problem.empty()) {
      absl::StrAppend(&out, Wrap("  ", OneLine(check.problem), options.width));
    }
  }
  return out;
}

}  // namespace

std::optional<double> RatioOf(const MeasuredReport& report) {
  const Estimate& estimate = *report.estimate;
  if (estimate.table->unit() == EnergyUnit::kRelative ||
      estimate.totals.total.pj <= 0) {
    return std::nullopt;
  }
  return report.measurement->net_joules.mean /
         JoulesOf(estimate.totals.total.pj);
}

std::optional<double> PicojoulesPerMac(const MeasuredReport& report) {
  const int64_t macs = report.estimate->totals.macs;
  if (macs <= 0) return std::nullopt;
  return report.measurement->net_joules.mean * 1e12 / static_cast<double>(macs);
}

void WriteDomains(const std::vector<DomainEnergy>& domains, bool has_idle,
                  JsonWriter& json) {
  json.Key("domains").BeginArray();
  for (const DomainEnergy& domain : domains) {
    json.BeginObject(Lines::kOne);
    json.Member("name", domain.domain.name);
    json.Member("source", domain.domain.source);
    json.Member("is_summed", domain.domain.is_summed);
    if (!domain.domain.remark.empty()) {
      json.Member("remark", domain.domain.remark);
    }
    json.Member("microjoules", domain.microjoules);
    json.Member("watts", domain.watts.mean);
    json.Member("watts_half_width", domain.watts.half_width);
    json.Member("deviation_watts", domain.deviation_watts);
    json.Member("least_watts", domain.least_watts);
    json.Member("most_watts", domain.most_watts);
    if (has_idle) json.Member("idle_watts", domain.idle_watts);
    json.EndObject();
  }
  json.EndArray();
}

void WriteEnvironment(const HostEnvironment& environment, JsonWriter& json) {
  json.Key("environment").BeginObject();
  json.Member("host", environment.host);
  json.Member("processor", environment.processor);
  json.Member("processors", int64_t{environment.processors});
  json.Key("affinity").BeginArray(Lines::kOne);
  for (const int cpu : environment.affinity) json.Int(cpu);
  json.EndArray();
  json.Member("kernel", environment.kernel);
  json.MemberOrNull("governor", environment.governor);
  json.MemberOrNull("turbo", environment.turbo);
  json.MemberOrNull("temperature", environment.temperature);
  json.MemberOrNull("virtual_machine", environment.virtual_machine);
  json.EndObject();
}

std::string MeasurementAsJson(const MeasuredReport& report) {
  const Measurement& m = *report.measurement;
  const Estimate& estimate = *report.estimate;
  JsonWriter json(JsonWriter::Layout::kIndented);
  WriteHead(json);
  WriteModel(*estimate.analysis, json);
  WriteOptions(*estimate.analysis, *estimate.table, estimate.options, false,
               json);
  WriteTable(*estimate.table, json);
  WriteCounter(m.counter, m.is_measured, m.constant_watts, json);
  WriteRunner(m.runner, json);
  WriteEnvironment(m.environment, json);
  WriteMeasured(report, json);
  json.Key("estimate").BeginObject(Lines::kOne);
  json.Member("status", Name(estimate.status));
  json.Member("energy_pj", estimate.totals.total.pj);
  json.Member("macs", estimate.totals.macs);
  json.EndObject();
  json.Member("ratio", RatioOf(report));
  WriteDomains(m.domains, true, json);
  WriteLayers(report, json);
  WriteStrings("remarks", m.remarks, json);
  if (report.carbon.has_value()) {
    json.Key("carbon");
    WriteCarbon(*report.carbon, "", json);
  }
  WriteWarnings(estimate.diagnostics, json);
  json.EndObject();
  return absl::StrCat(json.Take(), "\n");
}

std::string CommandRunAsJson(const CommandRun& run,
                             const CarbonStatement* carbon) {
  JsonWriter json(JsonWriter::Layout::kIndented);
  WriteHead(json);
  json.Member("command", run.command);
  json.Member("exit_status", int64_t{run.exit_status});
  WriteCounter(run.counter, run.is_measured, run.constant_watts, json);
  WriteEnvironment(run.environment, json);
  json.Member("seconds", run.seconds);
  json.Member("microjoules", run.microjoules);
  json.Member("samples", run.samples);
  WriteDomains(run.domains, false, json);
  if (carbon != nullptr) {
    json.Key("carbon");
    WriteCarbon(*carbon, "", json);
  }
  json.EndObject();
  return absl::StrCat(json.Take(), "\n");
}

std::string CommandRunAsCsv(const CommandRun& run) {
  std::string out =
      CsvLine({"domain", "summed", "joules", "watts", "deviation_watts",
               "least_watts", "most_watts", "seconds", "counter"});
  for (const DomainEnergy& domain : run.domains) {
    absl::StrAppend(
        &out,
        CsvLine({domain.domain.name, domain.domain.is_summed ? "yes" : "no",
                 ShortestDouble(static_cast<double>(domain.microjoules) / 1e6),
                 ShortestDouble(domain.watts.mean),
                 ShortestDouble(domain.deviation_watts),
                 ShortestDouble(domain.least_watts),
                 ShortestDouble(domain.most_watts), ShortestDouble(run.seconds),
                 run.is_measured
                     ? run.counter
                     : absl::StrCat("constant=", run.constant_watts)}));
  }
  return out;
}

std::string RenderCounterChecks(const std::vector<CounterCheck>& checks,
                                const HostEnvironment& environment,
                                const RenderOptions& options) {
  if (options.format != Format::kJson) {
    return ChecksAsText(checks, environment, options);
  }
  JsonWriter json(JsonWriter::Layout::kIndented);
  WriteHead(json);
  WriteEnvironment(environment, json);
  json.Key("counters").BeginArray();
  for (const CounterCheck& check : checks) {
    json.BeginObject();
    json.Member("counter", check.counter);
    json.Member("is_usable", check.is_usable);
    json.Key("domains").BeginArray();
    for (const EnergyDomain& domain : check.domains) {
      json.BeginObject(Lines::kOne);
      json.Member("name", domain.name);
      json.Member("source", domain.source);
      json.Member("is_summed", domain.is_summed);
      if (!domain.remark.empty()) json.Member("remark", domain.remark);
      json.EndObject();
    }
    json.EndArray();
    json.MemberOrNull("problem", check.problem);
    json.EndObject();
  }
  json.EndArray().EndObject();
  return absl::StrCat(json.Take(), "\n");
}

std::string RenderMeasurement(const MeasuredReport& report,
                              const RenderOptions& options) {
  switch (options.format) {
    case Format::kJson:
    case Format::kJsonl:
      return MeasurementAsJson(report);
    case Format::kCsv:
      return absl::StrCat(CalibrationHeader(),
                          CalibrationLine(report.row, *report.measurement));
    case Format::kMarkdown:
      return MeasurementAsMarkdown(report, options);
    case Format::kText:
      break;
  }
  return MeasurementAsText(report, options);
}

std::string RenderCommandRun(const CommandRun& run,
                             const CarbonStatement* carbon,
                             const RenderOptions& options) {
  switch (options.format) {
    case Format::kJson:
    case Format::kJsonl:
      return CommandRunAsJson(run, carbon);
    case Format::kCsv:
      return CommandRunAsCsv(run);
    case Format::kMarkdown:
      return CommandRunAsMarkdown(run, carbon);
    case Format::kText:
      break;
  }
  return CommandRunAsText(run, carbon, options);
}

}  // namespace opcost
