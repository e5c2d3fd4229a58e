// SPDX-License-Identifier: Apache-2.0
#include "tools/make_operator_docs/operator_docs.h"

#include <map>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "opcost/ops/registry.h"

namespace opcost {
namespace {

constexpr char kHeading[] =
    R"(# Operators

What opcost knows of each operator, made from the code by `make_operator_docs`; a test fails
when this file is behind. [cost-model.md](cost-model.md) has the rules R1 to R11 and what a
function (`exp`, `div` ...) expands into.

- *Since* is the first opset whose semantics a row follows; a row holds until the next one's.
- `out` and `in` are the elements of the output and of the data input, `MACs` the row's own
  multiply-accumulates. The other names are what `opcost explain` lists with their numbers.
- A name in brackets, as `[bias]`, is 1 where the model has what it names, else 0. In *mul* a
  function's name stands for its muls, in *add* for its adds.
- *Reads* and *writes* say of which operand or output: `W: MACs` reads operand W as often as there
  are MACs. An output that nothing uses isn't written, and a constant of one element is read once.
- Counts are exact unless a row says why they are a bound, or why no rule can state them: layers of
  such operators are unknown, but their shapes are inferred.
)";

std::string Or(absl::string_view text, absl::string_view otherwise) {
  return std::string(text.empty() ? otherwise : text);
}

// Backticks around `text`, which mustn't end a table's cell.
std::string Code(absl::string_view text) {
  if (text.empty() || text == "0") return "0";
  return absl::StrCat("`", absl::StrReplaceAll(text, {{"|", "\\|"}}), "`");
}

std::string Sentence(absl::string_view text) {
  std::string sentence(text);
  if (sentence.empty()) return sentence;
  sentence[0] = absl::ascii_toupper(static_cast<unsigned char>(sentence[0]));
  if (sentence.back() != '.') sentence += ".";
  return sentence;
}

std::string RulesText(absl::string_view rules) {
  return absl::StrJoin(absl::StrSplit(rules, ' ', absl::SkipEmpty()), ", ");
}

void AppendCounts(const OpDef& def, std::string* text) {
  const Formula& formula = def.formula;
  absl::StrAppend(text, "| MACs | mul | add | reads | writes |\n",
                  "|---|---|---|---|---|\n", "| ", Code(formula.macs), " | ",
                  Code(formula.mul), " | ", Code(formula.add), " | ",
                  Code(formula.reads), " | ", Code(formula.writes), " |\n\n");
}

void AppendRow(const OpDef& def, std::string* text) {
  absl::StrAppend(text, "### ", Or(def.name, "?"), "\n\n",
                  Sentence(def.description), "\n\n");
  if (def.count != nullptr) AppendCounts(def, text);
  std::vector<std::string> remarks = {absl::StrCat("Since ", def.since)};
  if (!def.formula.rules.empty())
    remarks.push_back(absl::StrCat("Rules ", RulesText(def.formula.rules)));
  if (!def.passes.empty())
    remarks.push_back(absl::StrCat("Passes: ", Or(def.passes, "")));
  if (def.count == nullptr) {
    remarks.push_back(absl::StrCat("Unknown: ", Or(def.uncountable, "")));
  } else {
    remarks.push_back(def.bound.empty()
                          ? "Exact"
                          : absl::StrCat("Bound: ", Or(def.bound, "")));
  }
  absl::StrAppend(text, absl::StrJoin(remarks, ". "), ".\n\n");
}

}  // namespace

std::string OperatorDocs() {
  std::string text = kHeading;
  std::map<std::string, int> counts;
  for (const OpDef& def : AllOps()) ++counts[std::string(def.domain)];
  absl::string_view domain = "?";
  for (const OpDef& def : AllOps()) {
    if (def.domain != domain) {
      domain = def.domain;
      absl::StrAppend(&text, "\n## ", Or(domain, "ai.onnx"), " (",
                      counts[std::string(domain)], " rows)\n\n");
    }
    AppendRow(def, &text);
  }
  text.pop_back();  // the last row's blank line
  return text;
}

}  // namespace opcost
