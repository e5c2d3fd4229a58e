// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "tests/cli/cli_run.h"

namespace opcost {
namespace {

using nlohmann::json;

// Sums of products of rounded prices against products of sums.
void ExpectNear(double sum, double total, const std::string& what) {
  EXPECT_NEAR(sum, total, 1e-9 * std::max(1.0, std::fabs(total))) << what;
}

constexpr const char* kCounts[] = {"mul", "add", "reads", "writes"};

// Counts of one layer: of its rows, in `layer` itself. A function or a MAC that
// is priced whole counts under neither name, so only plain rows are compared.
void AddLayer(const json& layer, std::map<std::string, int64_t>& counts,
              std::map<std::string, double>& energies) {
  double arithmetic_pj = 0, traffic_pj = 0;
  for (const json& row : layer["arithmetic"]) {
    const std::string op = row["op"];
    const int64_t count = row["count"];
    if (op == "mul" || op == "mac") counts["mul"] += count;
    if (op == "add" || op == "mac") counts["add"] += count;
    arithmetic_pj += row["pj"].get<double>();
  }
  for (const json& row : layer["traffic"]) {
    counts["reads"] += row["reads"].get<int64_t>();
    counts["writes"] += row["writes"].get<int64_t>();
    traffic_pj += row["pj"].get<double>();
  }
  counts["macs"] += layer["macs"].get<int64_t>();
  const json& energy = layer["energy_pj"];
  const std::string name = layer["name"];
  ExpectNear(arithmetic_pj, double(energy["mul"]) + double(energy["add"]),
             name + ": arithmetic");
  ExpectNear(traffic_pj, double(energy["read"]) + double(energy["write"]),
             name + ": traffic");
  for (const char* part : {"mul", "add", "read", "write", "total"}) {
    energies[part] += double(energy[part]);
  }
}

void ExpectRowsSumToTotals(const json& report) {
  std::map<std::string, int64_t> counts;
  std::map<std::string, double> energies;
  for (const json& layer : report["layers"]) {
    if (layer["status"] != "unknown") AddLayer(layer, counts, energies);
  }
  const json& totals = report["totals"];
  for (const char* what : kCounts) {
    EXPECT_EQ(counts[what], totals[what].get<int64_t>()) << what;
  }
  EXPECT_EQ(counts["macs"], totals["macs"].get<int64_t>());
  EXPECT_EQ(report["layers"].size(), totals["layers"].get<size_t>());
  for (const char* part : {"mul", "add", "read", "write", "total"}) {
    ExpectNear(energies[part], totals["energy_pj"][part], part);
  }
  int64_t tier_reads = 0, tier_writes = 0;
  for (const json& tier : totals["by_tier"]) {
    tier_reads += tier["reads"].get<int64_t>();
    tier_writes += tier["writes"].get<int64_t>();
  }
  EXPECT_EQ(tier_reads, totals["reads"].get<int64_t>());
  EXPECT_EQ(tier_writes, totals["writes"].get<int64_t>());
}

// The CSV's columns from `times` on hold what the JSON's layers say.
void ExpectCsvAgrees(const json& report, const std::string& csv) {
  std::vector<std::string> lines = absl::StrSplit(csv, '\n', absl::SkipEmpty());
  ASSERT_EQ(lines.size(), report["layers"].size() + 1);
  for (size_t i = 1; i < lines.size(); ++i) {
    const json& layer = report["layers"][i - 1];
    // Names may hold commas; what follows the operator doesn't.
    const std::vector<std::string> cells = absl::StrSplit(lines[i], ',');
    ASSERT_GE(cells.size(), 14u) << lines[i];
    const auto from_end = [&](size_t n) { return cells[cells.size() - n]; };
    EXPECT_EQ(from_end(11), layer["status"].get<std::string>());
    if (layer["status"] == "unknown") {
      EXPECT_EQ(from_end(1).find_first_of("0123456789"), std::string::npos);
      continue;
    }
    double total = 0;
    std::string last = from_end(1);
    absl::StripAsciiWhitespace(&last);
    ASSERT_TRUE(absl::SimpleAtod(last, &total)) << lines[i];
    EXPECT_EQ(total, double(layer["energy_pj"]["total"])) << lines[i];
    EXPECT_EQ(from_end(10), std::to_string(layer["macs"].get<int64_t>()));
  }
}

std::string Run(std::vector<std::string> arguments,
                const std::vector<std::string>& more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  const CliRun run = RunCommand(arguments);
  EXPECT_TRUE(run.status == kDone || run.status == kIncomplete) << run.err;
  return run.out;
}

}  // namespace

void ExpectDocumentsAgree(std::vector<std::string> arguments) {
  // What to render isn't what is rendered.
  std::vector<std::string> kept;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& a = arguments[i];
    if (a == "--format" || a == "--top" || a == "--by" || a == "--sort" ||
        a == "--unit" || a == "--color" || a == "-o") {
      ++i;
    } else if (a != "-v" && a != "-q") {
      kept.push_back(a);
    }
  }
  const json report = json::parse(Run(kept, {"--format", "json"}), nullptr,
                                  /*allow_exceptions=*/false);
  ASSERT_FALSE(report.is_discarded());
  ExpectRowsSumToTotals(report);
  ExpectCsvAgrees(report, Run(kept, {"--format", "csv"}));
  // Text has a row for each layer.
  const std::string text = Run(kept, {"--top", "all", "--unit", "pJ"});
  for (const json& layer : report["layers"]) {
    EXPECT_NE(text.find(layer["op"].get<std::string>()), std::string::npos);
  }
}

}  // namespace opcost
