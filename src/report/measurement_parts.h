// SPDX-License-Identifier: Apache-2.0
// What the documents of measured runs share.
#ifndef OPCOST_SRC_REPORT_MEASUREMENT_PARTS_H_
#define OPCOST_SRC_REPORT_MEASUREMENT_PARTS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "opcost/report/measurement.h"
#include "src/report/json_writer.h"

namespace opcost {

// "412.5 mJ", "22.31 ms": four significant digits with a decimal prefix.
std::string SiText(double amount, absl::string_view unit);
// "onnxruntime 1.31.1 on cpu, float32, 1 thread".
std::string RunnerText(const RunnerDescription& runner);
// "ada: AMD EPYC 9654, 32 processors, Linux 6.1, governor performance".
std::string HostText(const HostEnvironment& environment);
// "rapl", "constant 10 W: modelled, not measured".
std::string CounterText(absl::string_view counter, bool is_measured,
                        double constant_watts);
// Measured over estimated net energy; nullopt for a table in relative units, or
// an estimate of nothing.
std::optional<double> RatioOf(const MeasuredReport& report);
// Net pJ per multiply-accumulate; nullopt without any.
std::optional<double> PicojoulesPerMac(const MeasuredReport& report);

void WriteDomains(const std::vector<DomainEnergy>& domains, bool has_idle,
                  JsonWriter& json);
void WriteEnvironment(const HostEnvironment& environment, JsonWriter& json);

std::string MeasurementAsText(const MeasuredReport& report,
                              const RenderOptions& options);
std::string MeasurementAsMarkdown(const MeasuredReport& report,
                                  const RenderOptions& options);
std::string MeasurementAsJson(const MeasuredReport& report);

// `carbon` may be null.
std::string CommandRunAsText(const CommandRun& run,
                             const CarbonStatement* carbon,
                             const RenderOptions& options);
std::string CommandRunAsMarkdown(const CommandRun& run,
                                 const CarbonStatement* carbon);
std::string CommandRunAsJson(const CommandRun& run,
                             const CarbonStatement* carbon);
std::string CommandRunAsCsv(const CommandRun& run);

}  // namespace opcost

#endif  // OPCOST_SRC_REPORT_MEASUREMENT_PARTS_H_
