// SPDX-License-Identifier: Apache-2.0
// Grams of CO2e for people.
#include "opcost/report/carbon.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "src/report/carbon_parts.h"
#include "src/report/comparison_rows.h"
#include "src/report/numbers.h"
#include "src/report/utf8.h"

namespace opcost {
namespace {

struct ScaledUnit {
  const char* name;
  double factor;
};
constexpr ScaledUnit kGrams[] = {{"pg", 1e-12}, {"ng", 1e-9}, {"ug", 1e-6},
                                 {"mg", 1e-3},  {"g", 1},     {"kg", 1e3},
                                 {"t", 1e6}};
constexpr ScaledUnit kJoules[] = {{"pJ", 1e-12}, {"nJ", 1e-9}, {"uJ", 1e-6},
                                  {"mJ", 1e-3},  {"J", 1},     {"kJ", 1e3},
                                  {"MJ", 1e6},   {"GJ", 1e9},  {"TJ", 1e12}};
constexpr ScaledUnit kWattHours[] = {
    {"pWh", 1e-12}, {"nWh", 1e-9}, {"uWh", 1e-6}, {"mWh", 1e-3}, {"Wh", 1},
    {"kWh", 1e3},   {"MWh", 1e6},  {"GWh", 1e9},  {"TWh", 1e12}};

// The largest unit in which `amount`, rounded to five digits, is 1 or more.
const ScaledUnit& UnitFor(double amount, absl::Span<const ScaledUnit> units) {
  size_t best = 0;
  for (size_t i = 1; i < units.size(); ++i) {
    if (amount / units[i].factor >= 0.999995) best = i;
  }
  return units[best];
}

std::string FiveDigits(double number) {
  return number < 99999.5 ? absl::StrFormat("%.5g", number)
                          : Grouped(std::round(number));
}

// `zero` is the unit of nothing.
std::string Scaled(double amount, absl::Span<const ScaledUnit> units,
                   absl::string_view zero) {
  if (amount == 0) return absl::StrCat("0 ", zero);
  const ScaledUnit& unit = UnitFor(amount, units);
  return absl::StrCat(FiveDigits(amount / unit.factor), " ", unit.name);
}

std::string WattHours(double kwh) {
  return Scaled(kwh * 1e3, kWattHours, "Wh");
}

std::string Signed(absl::string_view sign, std::string text) {
  return sign.empty() ? text : absl::StrCat(sign, " ", text);
}

// "1 run", "1,000 runs".
std::string Times(int64_t count, absl::string_view one) {
  return absl::StrCat(Grouped(count), " ", one, count == 1 ? "" : "s");
}

std::string Grams(double grams) {
  return absl::StrCat(HumanGrams(grams), " CO2e");
}

// "475 g CO2e/kWh: world average; IEA, 2019".
std::string IntensityText(const CarbonIntensity& intensity) {
  std::string text =
      absl::StrCat(FiveDigits(intensity.g_per_kwh), " g CO2e/kWh");
  if (intensity.kind == IntensityKind::kGiven) return text + ", as given";
  if (intensity.kind == IntensityKind::kMix) {
    absl::StrAppend(
        &text, " = ",
        absl::StrJoin(
            intensity.parts, " + ", [](std::string* out, const MixPart& part) {
              absl::StrAppend(out, FiveDigits(part.share), " x ",
                              FiveDigits(part.g_per_kwh), " (", part.name, ")");
            }));
  } else {
    absl::StrAppend(&text, ": ", intensity.name);
    // A country's name says it all; a region's is a town.
    if (intensity.kind == IntensityKind::kCloud) {
      absl::StrAppend(&text, " (", intensity.code, ")");
    }
  }
  return absl::StrCat(text, "; ", intensity.source, ", ", intensity.year);
}

// The energy and what it is of.
std::string EnergyText(const CarbonStatement& statement, absl::string_view sign,
                       absl::string_view basis) {
  return Signed(sign, absl::StrCat(Scaled(statement.joules, kJoules, "J"), " (",
                                   WattHours(statement.kwh), ")",
                                   basis.empty() ? "" : ", ", basis));
}

std::vector<Fact> FactsOf(const CarbonStatement& statement,
                          absl::string_view sign, absl::string_view basis) {
  std::vector<Fact> facts = {
      {"energy", EnergyText(statement, sign, basis)},
      {"intensity", IntensityText(statement.terms.intensity)},
      {"carbon", Signed(sign, Grams(statement.grams))}};
  if (statement.terms.pue.has_value()) {
    facts.push_back(
        {"with PUE",
         Signed(sign, absl::StrCat(Grams(statement.total_grams), ", ",
                                   WattHours(statement.total_kwh),
                                   ": a power usage effectiveness of ",
                                   FiveDigits(*statement.terms.pue)))});
  }
  return facts;
}

// In the largest unit that keeps `largest` at 1 or above, of which it has five
// digits.
EnergyScale ScaleOf(double largest, absl::Span<const ScaledUnit> units) {
  const ScaledUnit& unit = UnitFor(largest, units);
  const double number = largest / unit.factor;
  EnergyScale scale;
  scale.pj = unit.factor;
  scale.unit = unit.name;
  scale.decimals = 4;
  for (double limit = 9.99995; number >= limit && scale.decimals > 0;
       limit *= 10) {
    --scale.decimals;
  }
  return scale;
}

std::string CarbonAsCsv(const CarbonStatement& statement) {
  const CarbonIntensity& intensity = statement.terms.intensity;
  return absl::StrCat(
      CsvLine({"inferences", "joules", "kwh", "g_per_kwh", "grams", "pue",
               "total_kwh", "total_grams", "intensity", "name", "source",
               "year"}),
      CsvLine({absl::StrCat(statement.terms.inferences),
               ShortestDouble(statement.joules), ShortestDouble(statement.kwh),
               ShortestDouble(intensity.g_per_kwh),
               ShortestDouble(statement.grams),
               ShortestDouble(statement.terms.pue.value_or(1)),
               ShortestDouble(statement.total_kwh),
               ShortestDouble(statement.total_grams), intensity.code,
               intensity.name, intensity.source,
               intensity.year == 0 ? "" : absl::StrCat(intensity.year)}));
}

}  // namespace

std::string HumanGrams(double grams) { return Scaled(grams, kGrams, "g"); }

std::vector<Fact> CarbonFacts(const CarbonStatement& statement,
                              absl::string_view sign, absl::string_view one) {
  return FactsOf(statement, sign, Times(statement.terms.inferences, one));
}

std::string CarbonText(const CarbonStatement& statement, absl::string_view sign,
                       int width, absl::string_view one) {
  return FactsText(CarbonFacts(statement, sign, one), width);
}

std::vector<Fact> SharedCarbonFacts(const CarbonTerms& terms) {
  std::vector<Fact> facts = {
      {"carbon",
       absl::StrCat(Times(terms.inferences, "inference"), " of each")},
      {"intensity", IntensityText(terms.intensity)}};
  if (terms.pue.has_value()) {
    facts.push_back({"PUE", FiveDigits(*terms.pue)});
  }
  return facts;
}

Grid CarbonGrid(const Comparison& comparison, const CarbonTerms& terms) {
  std::vector<CarbonStatement> statements;
  double most_kwh = 0, most_grams = 0;
  for (const ComparisonSide& side : comparison.sides) {
    statements.push_back(StateCarbon(terms, JoulesOf(side.totals.total)));
    most_kwh = std::max(most_kwh, statements.back().kwh);
    most_grams = std::max(most_grams, statements.back().total_grams);
  }
  const EnergyScale energy = ScaleOf(most_kwh * 1e3, kWattHours);
  const EnergyScale mass = ScaleOf(most_grams, kGrams);
  std::vector<GridColumn> columns = {
      {"", false, false, 0},
      {"model", false, true, 0},
      {absl::StrCat("energy ", energy.unit), true, false, 1},
      {absl::StrCat("CO2e ", mass.unit), true, false, 0}};
  if (terms.pue.has_value()) {
    columns.push_back({absl::StrCat("with PUE ", mass.unit), true, false, 0});
  }
  Grid grid(std::move(columns));
  for (size_t s = 0; s < statements.size(); ++s) {
    const ComparisonSide& side = comparison.sides[s];
    const absl::string_view sign = Sign(side.status);
    std::vector<std::string> cells = {
        SideLetter(s), OneLine(side.name),
        Signed(sign, energy.Aligned(statements[s].kwh * 1e3)),
        Signed(sign, mass.Aligned(statements[s].grams))};
    if (terms.pue.has_value()) {
      cells.push_back(Signed(sign, mass.Aligned(statements[s].total_grams)));
    }
    grid.Add(cells);
  }
  return grid;
}

std::string RenderCarbon(const CarbonStatement& statement,
                         absl::string_view basis,
                         const RenderOptions& options) {
  if (options.format == Format::kCsv) return CarbonAsCsv(statement);
  if (options.format != Format::kJson) {
    return FactsText(FactsOf(statement, "", basis), options.width);
  }
  JsonWriter json(JsonWriter::Layout::kIndented);
  WriteCarbonDocument(statement, json);
  return json.Take() + "\n";
}

}  // namespace opcost
