// SPDX-License-Identifier: Apache-2.0
// What a user should know of a run that didn't fail.
#ifndef OPCOST_SUPPORT_DIAGNOSTICS_H_
#define OPCOST_SUPPORT_DIAGNOSTICS_H_

#include <string>
#include <vector>

namespace opcost {

enum class Severity { kNote, kWarning };

// One remark. `code` is a stable kebab-case word for programs
// ("interpolated-price"); `message` is a sentence for people, lower case,
// without a full stop.
struct Diagnostic {
  Severity severity = Severity::kNote;
  std::string code;
  std::string message;
};

// The remarks of a run, in the order in which they arose; a repeated one is
// kept once.
class Diagnostics {
 public:
  void Note(std::string code, std::string message) {
    Add({Severity::kNote, std::move(code), std::move(message)});
  }
  void Warn(std::string code, std::string message) {
    Add({Severity::kWarning, std::move(code), std::move(message)});
  }
  void Add(Diagnostic diagnostic) {
    for (const Diagnostic& known : all_) {
      if (known.code == diagnostic.code && known.message == diagnostic.message)
        return;
    }
    all_.push_back(std::move(diagnostic));
  }
  const std::vector<Diagnostic>& all() const { return all_; }

 private:
  std::vector<Diagnostic> all_;
};

}  // namespace opcost

#endif  // OPCOST_SUPPORT_DIAGNOSTICS_H_
