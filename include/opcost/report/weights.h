// SPDX-License-Identifier: Apache-2.0
// `opcost weights` as a document.
#ifndef OPCOST_REPORT_WEIGHTS_H_
#define OPCOST_REPORT_WEIGHTS_H_

#include <string>

#include "opcost/energy/weight_survey.h"
#include "opcost/report/report.h"

namespace opcost {

// The weights' statistics, and their sizes and energies in every storage
// format, the best of them marked. Text and markdown show the `top` largest, if
// it is set; JSON (schemas/weights.schema.json) and CSV have all, jsonl one to
// a line.
std::string RenderWeights(const WeightSurvey& survey,
                          const RenderOptions& options);

}  // namespace opcost

#endif  // OPCOST_REPORT_WEIGHTS_H_
