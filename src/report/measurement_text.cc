// SPDX-License-Identifier: Apache-2.0
// A measured run for people.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "src/report/carbon_parts.h"
#include "src/report/documents.h"
#include "src/report/grid.h"
#include "src/report/measurement_parts.h"
#include "src/report/numbers.h"
#include "src/report/utf8.h"

namespace opcost {
namespace {

constexpr size_t kWorstLayers = 3;

// "+-1.2 %" of an interval.
std::string PlusMinus(const Interval& interval) {
  if (interval.mean == 0) return "";
  const double percent = 100 * interval.half_width / std::abs(interval.mean);
  if (percent < 0.01) return "+-<0.01 %";
  return absl::StrFormat("+-%.2g %%", percent);
}

std::string IntervalText(const Interval& interval, absl::string_view unit) {
  return absl::StrCat(SiText(interval.mean, unit), " ", PlusMinus(interval));
}

std::string TrialsText(const Measurement& m) {
  int64_t runs = 0;
  double seconds = 0;
  for (const Trial& trial : m.trials) {
    runs += trial.runs;
    seconds += trial.seconds;
  }
  const double each = seconds / static_cast<double>(m.trials.size());
  return absl::StrCat(m.trials.size(), " trials of ", SiText(each, "s"), ", ",
                      Grouped(runs),
                      " inferences; +- is Student's interval at "
                      "95 %");
}

std::vector<Fact> Basis(const MeasuredReport& report) {
  const Measurement& m = *report.measurement;
  std::vector<Fact> facts = BasisOf(*report.estimate);
  facts.push_back({"runtime", RunnerText(m.runner)});
  facts.push_back({"machine", HostText(m.environment)});
  facts.push_back(
      {"counter", CounterText(m.counter, m.is_measured, m.constant_watts)});
  facts.push_back({"trials", TrialsText(m)});
  for (Fact& fact : facts) fact.text = OneLine(fact.text);
  return facts;
}

std::vector<Fact> Results(const MeasuredReport& report,
                          const RenderOptions& options) {
  const Measurement& m = *report.measurement;
  const EnergyUnit unit = report.estimate->table->unit();
  std::vector<Fact> facts;
  const std::string label = m.is_measured ? "measured" : "modelled";
  if (m.is_measured) {
    facts.push_back({"net", absl::StrCat(IntervalText(m.net_joules, "J"),
                                         " measured, idle power taken off")});
    facts.push_back({"gross", absl::StrCat(IntervalText(m.gross_joules, "J"),
                                           " measured")});
  } else {
    facts.push_back(
        {"energy", absl::StrCat(IntervalText(m.net_joules, "J"),
                                " modelled: ", SiText(m.constant_watts, "W"),
                                " that you gave, times measured time")});
  }
  facts.push_back(
      {"estimate", absl::StrCat(Sign(report.estimate->status), " ",
                                HumanEnergy(report.estimate->totals.total.pj,
                                            options.unit, unit))});
  if (const std::optional<double> ratio = RatioOf(report); ratio.has_value()) {
    facts.push_back(
        {"ratio", absl::StrFormat("%.4g %s over estimate", *ratio, label)});
  }
  facts.push_back(
      {"time", absl::StrCat(IntervalText(m.seconds, "s"), " an inference")});
  if (m.is_measured) {
    facts.push_back(
        {"power", absl::StrCat(IntervalText(m.gross_watts, "W"), " gross, ",
                               SiText(m.idle_watts, "W"), " idle")});
  }
  if (const std::optional<double> pj = PicojoulesPerMac(report);
      pj.has_value()) {
    facts.push_back({"per MAC", SiText(*pj * 1e-12, "J")});
  }
  if (m.modelled_memory_joules > 0) {
    facts.push_back(
        {"memory", absl::StrCat(SiText(m.modelled_memory_joules, "J"),
                                " modelled (3 W for 8 GB, as CodeCarbon has "
                                "it), in none of the other numbers")});
  }
  return facts;
}

Grid DomainGrid(const std::vector<DomainEnergy>& domains, bool has_idle) {
  std::vector<GridColumn> columns = {{"domain", false, true, 0},
                                     {"W", true, false, 0},
                                     {"deviation", true, false, 2},
                                     {"least", true, false, 1},
                                     {"most", true, false, 1}};
  if (has_idle) columns.push_back({"idle W", true, false, 0});
  columns.push_back({"J", true, false, 0});
  columns.push_back({"remark", false, true, 3});
  Grid grid(std::move(columns));
  for (const DomainEnergy& domain : domains) {
    std::vector<std::string> cells = {
        OneLine(domain.domain.name), FixedDouble(domain.watts.mean, 2),
        FixedDouble(domain.deviation_watts, 2),
        FixedDouble(domain.least_watts, 2), FixedDouble(domain.most_watts, 2)};
    if (has_idle) cells.push_back(FixedDouble(domain.idle_watts, 2));
    cells.push_back(
        FixedDouble(static_cast<double>(domain.microjoules) / 1e6, 3));
    cells.push_back(domain.domain.is_summed ? "in the sum"
                                            : OneLine(domain.domain.remark));
    grid.Add(cells, domain.domain.is_summed ? Style::kPlain : Style::kDim);
  }
  return grid;
}

// Rows of most measured energy, or all.
std::vector<const MeasuredLayer*> Shown(const MeasuredReport& report,
                                        const RenderOptions& options) {
  std::vector<const MeasuredLayer*> rows;
  for (const MeasuredLayer& layer : report.layers) rows.push_back(&layer);
  if (!options.top.has_value() ||
      *options.top >= static_cast<int64_t>(rows.size())) {
    return rows;
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const MeasuredLayer* a, const MeasuredLayer* b) {
                     return a->joules > b->joules;
                   });
  rows.resize(static_cast<size_t>(*options.top));
  return rows;
}

double TotalEstimated(const MeasuredReport& report) {
  double total = 0;
  for (const MeasuredLayer& layer : report.layers) {
    total += layer.estimated.value_or(0);
  }
  return total;
}

double TotalSeconds(const MeasuredReport& report) {
  double total = 0;
  for (const MeasuredLayer& layer : report.layers) total += layer.seconds;
  return total;
}

Grid MeasuredLayerGrid(const MeasuredReport& report,
                       const RenderOptions& options) {
  const Measurement& m = *report.measurement;
  const EnergyScale measured =
      ScaleFor(m.net_joules.mean * 1e12, options.unit, EnergyUnit::kPicojoule);
  const EnergyScale estimated = ScaleFor(TotalEstimated(report), options.unit,
                                         report.estimate->table->unit());
  Grid grid(
      {{"layer", false, true, 0},
       {"operator", false, false, 3},
       {"ms", true, false, 1},
       {absl::StrCat(m.is_measured ? "measured " : "modelled ", measured.unit),
        true, false, 0},
       {"%", true, false, 0},
       {absl::StrCat("estimate ", estimated.unit), true, false, 0},
       {"%", true, false, 0}});
  const double seconds = TotalSeconds(report), total = TotalEstimated(report);
  for (const MeasuredLayer* layer : Shown(report, options)) {
    grid.Add({OneLine(layer->name), OneLine(layer->op),
              FixedDouble(layer->seconds * 1e3, 3),
              measured.Aligned(layer->joules * 1e12),
              Percent(layer->seconds, seconds),
              layer->estimated.has_value()
                  ? estimated.Aligned(*layer->estimated)
                  : "-",
              layer->estimated.has_value() ? Percent(*layer->estimated, total)
                                           : "-"});
  }
  return grid;
}

// The layers whose shares of the two energies are furthest apart.
std::vector<std::string> WorstLayers(const MeasuredReport& report) {
  const double seconds = TotalSeconds(report), total = TotalEstimated(report);
  if (seconds <= 0 || total <= 0) return {};
  std::vector<std::pair<double, const MeasuredLayer*>> gaps;
  for (const MeasuredLayer& layer : report.layers) {
    if (!layer.estimated.has_value()) continue;
    gaps.emplace_back(
        std::abs(layer.seconds / seconds - *layer.estimated / total), &layer);
  }
  std::stable_sort(gaps.begin(), gaps.end(), [](const auto& a, const auto& b) {
    return a.first > b.first;
  });
  gaps.resize(std::min(gaps.size(), kWorstLayers));
  std::vector<std::string> lines;
  for (const auto& [gap, layer] : gaps) {
    if (gap < 0.01) break;
    lines.push_back(
        absl::StrCat(OneLine(layer->name), ": ",
                     Percent(layer->seconds, seconds), " % of the time, ",
                     Percent(*layer->estimated, total), " % of the estimate"));
  }
  return lines;
}

std::vector<Fact> Closing(const MeasuredReport& report) {
  std::vector<Fact> facts;
  if (report.rank_correlation.has_value()) {
    facts.push_back(
        {"ranks", absl::StrFormat(
                      "%.3f: Spearman's correlation of the layers' energies, "
                      "measured (shared by time) and estimated",
                      *report.rank_correlation)});
  }
  for (std::string& line : WorstLayers(report)) {
    facts.push_back({"worst", std::move(line)});
  }
  const Measurement& m = *report.measurement;
  for (const std::string& remark : m.runner.remarks) {
    facts.push_back({"remark", OneLine(remark)});
  }
  for (const std::string& remark : m.remarks) {
    facts.push_back({"remark", OneLine(remark)});
  }
  if (!m.environment.virtual_machine.empty()) {
    facts.push_back(
        {"remark", absl::StrCat("this is a virtual machine (",
                                OneLine(m.environment.virtual_machine), ")")});
  }
  return facts;
}

std::string ListOf(const std::vector<Fact>& facts) {
  std::string out;
  for (const Fact& fact : facts) {
    absl::StrAppend(&out, "- ", MarkdownText(fact.name), ": ",
                    MarkdownText(fact.text), "\n");
  }
  return out;
}

std::vector<Fact> CommandFacts(const CommandRun& run) {
  std::vector<Fact> facts = {
      {"command", OneLine(run.command)},
      {"machine", HostText(run.environment)},
      {"counter",
       CounterText(run.counter, run.is_measured, run.constant_watts)}};
  return facts;
}

std::vector<Fact> CommandResults(const CommandRun& run) {
  const double joules = static_cast<double>(run.microjoules) / 1e6;
  std::vector<Fact> facts = {
      {"energy",
       absl::StrCat(SiText(joules, "J"),
                    run.is_measured ? " measured" : " modelled", ", gross")},
      {"time", SiText(run.seconds, "s")}};
  if (run.seconds > 0) {
    facts.push_back(
        {"power",
         absl::StrCat(SiText(joules / run.seconds, "W"), " in the mean of ",
                      run.samples, run.samples == 1 ? " sample" : " samples")});
  }
  facts.push_back({"exit", absl::StrCat("status ", run.exit_status)});
  return facts;
}

}  // namespace

std::string SiText(double amount, absl::string_view unit) {
  constexpr std::array<absl::string_view, 8> kPrefixes = {"p", "n", "u", "m",
                                                          "",  "k", "M", "G"};
  constexpr size_t kPlain = 4;
  size_t prefix = kPlain;
  double shown = amount;
  while (shown != 0 && std::abs(shown) < 0.99995 && prefix > 0) {
    shown *= 1000;
    --prefix;
  }
  while (std::abs(shown) >= 999.95 && prefix + 1 < kPrefixes.size()) {
    shown /= 1000;
    ++prefix;
  }
  return absl::StrFormat("%.4g %s%s", shown, kPrefixes[prefix], unit);
}

std::string RunnerText(const RunnerDescription& runner) {
  std::string text = runner.runtime;
  if (!runner.version.empty()) absl::StrAppend(&text, " ", runner.version);
  if (!runner.device.empty()) absl::StrAppend(&text, " on ", runner.device);
  if (!runner.precision.empty()) absl::StrAppend(&text, ", ", runner.precision);
  if (runner.threads > 0) {
    absl::StrAppend(&text, ", ", runner.threads,
                    runner.threads == 1 ? " thread" : " threads");
  }
  return OneLine(text);
}

std::string HostText(const HostEnvironment& environment) {
  std::string text =
      absl::StrCat(environment.host, ": ",
                   environment.processor.empty() ? "a processor without a name"
                                                 : environment.processor);
  const auto add = [&text](absl::string_view what, absl::string_view value) {
    if (!value.empty()) absl::StrAppend(&text, ", ", what, value);
  };
  if (environment.processors > 0) {
    absl::StrAppend(&text, ", ", environment.processors, " processors");
  }
  if (!environment.affinity.empty() &&
      environment.affinity.size() <
          static_cast<size_t>(environment.processors)) {
    add("of which ", absl::StrJoin(environment.affinity, " "));
  }
  add("Linux ", environment.kernel);
  add("governor ", environment.governor);
  add("turbo ", environment.turbo);
  add("", environment.temperature);
  return OneLine(text);
}

std::string CounterText(absl::string_view counter, bool is_measured,
                        double constant_watts) {
  if (is_measured) return std::string(counter);
  return absl::StrCat("constant ", SiText(constant_watts, "W"),
                      ": modelled, not measured");
}

std::string MeasurementAsText(const MeasuredReport& report,
                              const RenderOptions& options) {
  const int width = options.width;
  const Measurement& m = *report.measurement;
  const std::string path = OneLine(report.estimate->analysis->model->path);
  std::string out = absl::StrCat(
      Paint(width < 1 ? path : Elide(path, width), Style::kBold, options.color),
      "\n", Wrap("", ModelLine(*report.estimate), width), "\n",
      FactsText(Basis(report), width), "\n");
  if (!report.layers.empty()) {
    absl::StrAppend(
        &out, MeasuredLayerGrid(report, options).Text(width, options.color),
        "\n");
  }
  if (m.is_measured) {
    absl::StrAppend(
        &out, DomainGrid(m.domains, true).Text(width, options.color), "\n");
  }
  absl::StrAppend(&out, FactsText(Results(report, options), width));
  const std::vector<Fact> closing = Closing(report);
  if (!closing.empty()) absl::StrAppend(&out, "\n", FactsText(closing, width));
  if (report.carbon.has_value()) {
    absl::StrAppend(&out, "\n", CarbonText(*report.carbon, "", width));
  }
  return out;
}

std::string MeasurementAsMarkdown(const MeasuredReport& report,
                                  const RenderOptions& options) {
  std::string out = absl::StrCat(
      "# ", MarkdownText(OneLine(report.estimate->analysis->model->path)),
      "\n\n", ListOf(Basis(report)), "\n");
  if (!report.layers.empty()) {
    absl::StrAppend(&out, MeasuredLayerGrid(report, options).Markdown(), "\n");
  }
  if (report.measurement->is_measured) {
    absl::StrAppend(
        &out, DomainGrid(report.measurement->domains, true).Markdown(), "\n");
  }
  absl::StrAppend(&out, ListOf(Results(report, options)),
                  ListOf(Closing(report)));
  if (report.carbon.has_value()) {
    absl::StrAppend(&out, ListOf(CarbonFacts(*report.carbon, "")));
  }
  return out;
}

std::string CommandRunAsText(const CommandRun& run,
                             const CarbonStatement* carbon,
                             const RenderOptions& options) {
  const int width = options.width;
  std::string out =
      absl::StrCat(FactsText(CommandFacts(run), width), "\n",
                   DomainGrid(run.domains, false).Text(width, options.color),
                   "\n", FactsText(CommandResults(run), width));
  if (carbon != nullptr) {
    absl::StrAppend(&out, "\n", CarbonText(*carbon, "", width, "run"));
  }
  return out;
}

std::string CommandRunAsMarkdown(const CommandRun& run,
                                 const CarbonStatement* carbon) {
  return absl::StrCat(
      ListOf(CommandFacts(run)), "\n",
      DomainGrid(run.domains, false).Markdown(), "\n",
      ListOf(CommandResults(run)),
      carbon == nullptr ? "" : ListOf(CarbonFacts(*carbon, "", "run")));
}

}  // namespace opcost
