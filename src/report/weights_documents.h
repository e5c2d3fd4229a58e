// SPDX-License-Identifier: Apache-2.0
// The formats of RenderWeights().
#ifndef OPCOST_SRC_REPORT_WEIGHTS_DOCUMENTS_H_
#define OPCOST_SRC_REPORT_WEIGHTS_DOCUMENTS_H_

#include <string>

#include "opcost/energy/weight_survey.h"
#include "opcost/report/report.h"

namespace opcost {

std::string WeightsAsText(const WeightSurvey& survey,
                          const RenderOptions& options);
std::string WeightsAsMarkdown(const WeightSurvey& survey,
                              const RenderOptions& options);
std::string WeightsAsJson(const WeightSurvey& survey);
std::string WeightsAsJsonLines(const WeightSurvey& survey);
std::string WeightsAsCsv(const WeightSurvey& survey);

// "64x3x7x7"; "scalar".
std::string ShapeText(const SurveyedWeights& weights);

}  // namespace opcost

#endif  // OPCOST_SRC_REPORT_WEIGHTS_DOCUMENTS_H_
