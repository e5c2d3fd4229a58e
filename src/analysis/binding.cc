// SPDX-License-Identifier: Apache-2.0
#include "src/analysis/binding.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "opcost/support/status_macros.h"
#include "opcost/support/sym_parser.h"

namespace opcost {
namespace {

std::string Quoted(const std::set<std::string>& names) {
  return absl::StrJoin(names, ", ", [](std::string* out, const auto& name) {
    absl::StrAppend(out, "'", name, "'");
  });
}

// Something that the user says of a dimension: `extent` is `size`.
struct Equation {
  Extent* extent;
  int64_t size;
  std::string option;  // "--dim P+1"
  std::string text;    // the extent, as the model has it
};

// A sum of one symbol alone, a*x + b.
struct Linear {
  std::string name;
  int64_t slope = 0;
  int64_t at_zero = 0;

  static std::optional<Linear> Of(const SymValue& sum) {
    std::set<std::string> names;
    sum.CollectSymbols(&names);
    if (names.size() != 1) return std::nullopt;
    const std::string& name = *names.begin();
    const SymValue at_zero = sum.Bind({{name, 0}});
    const SymValue slope = sum.Bind({{name, 1}}) - at_zero;
    if (!at_zero.is_concrete() || !slope.is_concrete() || slope.value() == 0 ||
        !(slope * SymValue::Symbol(name) + at_zero == sum)) {
      return std::nullopt;
    }
    return Linear{name, slope.value(), at_zero.value()};
  }

  // The size that makes the sum `number`.
  std::optional<int64_t> Solve(int64_t number) const {
    const SymValue rise = SymValue(number) - at_zero;
    const SymValue root = SymValue::FloorDiv(rise, slope);
    if (!(root * slope == rise) || !root.is_concrete() || root.value() < 0) {
      return std::nullopt;
    }
    return root.AsInt();
  }
};

// Binds the inputs of one graph, step by step.
class Binder {
 public:
  Binder(const InputOptions& options, Analysis* analysis)
      : options_(options),
        graph_(*analysis->graph),
        analysis_(analysis),
        inputs_(analysis->RealInputs()) {}

  absl::StatusOr<InputBinding> Run() {
    for (const ValueIndex input : inputs_) {
      TypeOf(input) = binding_.Read(DeclaredType(input), NameOf(input));
    }
    OPCOST_RETURN_IF_ERROR(ReplaceShapes());
    OPCOST_RETURN_IF_ERROR(TakeDims());
    OPCOST_RETURN_IF_ERROR(SolveEquations());
    OPCOST_RETURN_IF_ERROR(TakeBatch());
    if (!options_.keep_symbols) {
      TakeBatchesOfOne();
      OPCOST_RETURN_IF_ERROR(TakeUnbound());
      Apply();
    }
    for (const auto& [name, size] : binding_.numbers) {
      analysis_->bound_dims[name] = size;
    }
    return std::move(binding_);
  }

 private:
  const std::string& NameOf(ValueIndex i) const {
    return graph_.values[static_cast<size_t>(i)].name;
  }
  ValueType& TypeOf(ValueIndex i) {
    return analysis_->values[static_cast<size_t>(i)].type;
  }
  const ValueType& DeclaredType(ValueIndex i) const {
    return graph_.values[static_cast<size_t>(i)].declared;
  }
  // The extents of input `i`, or nullptr if it is no tensor of known rank.
  Dims* DimsOf(ValueIndex i) {
    ValueType& type = TypeOf(i);
    return type.is_tensor() && type.tensor.shape.has_rank()
               ? &type.tensor.shape.mutable_dims()
               : nullptr;
  }

  // The symbols that the inputs' extents still depend on.
  std::set<std::string> OpenSymbols() {
    std::set<std::string> open;
    for (const ValueIndex input : inputs_) {
      const Dims* dims = DimsOf(input);
      if (dims == nullptr) continue;
      for (const Extent& extent : *dims) extent.CollectSymbols(&open);
    }
    return open;
  }

  void Apply() {
    if (binding_.numbers.empty() && binding_.texts.empty()) return;
    for (const ValueIndex input : inputs_) {
      Dims* dims = DimsOf(input);
      if (dims == nullptr) continue;
      const Shape& declared = DeclaredType(input).tensor.shape;
      for (size_t axis = 0; axis < dims->size(); ++axis) {
        Extent& extent = (*dims)[axis];
        if (extent.is_concrete()) continue;
        extent = extent.Bind(binding_.numbers);
        if (extent.is_concrete() || !declared.has_rank()) continue;
        if (const auto text =
                binding_.texts.find(TextOf(declared.dims()[axis], extent));
            text != binding_.texts.end()) {
          extent = Extent(text->second);
        }
      }
    }
  }

  // The extent as the model has it, else as it is.
  static std::string TextOf(const Extent& declared, const Extent& extent) {
    const std::string* name = declared.sym().AsSymbol();
    return name != nullptr ? *name : extent.ToString();
  }

  // Gives `extent` the number `size`: at once where it is a symbol or a number
  // itself, else as soon as its symbols are settled.
  absl::Status Assign(Extent* extent, int64_t size, std::string option,
                      std::string text) {
    if (const std::string* name = extent->sym().AsSymbol()) {
      return BindSymbol(*name, size, option);
    }
    if (!extent->is_concrete()) {
      equations_.push_back({extent, size, std::move(option), std::move(text)});
      return absl::OkStatus();
    }
    if (!extent->Is(size)) binding_.replaces_declared_shapes = true;
    *extent = Extent(size);
    return absl::OkStatus();
  }

  // Solves for symbols, one after the other, what the user says of sums. A
  // dimension that stays open gets its number as it stands.
  absl::Status SolveEquations() {
    for (bool goes_on = true; goes_on;) {
      goes_on = false;
      for (Equation& equation : equations_) {
        if (equation.extent == nullptr) continue;
        const SymValue sum = equation.extent->sym().Bind(binding_.numbers);
        const std::optional<Linear> linear = Linear::Of(sum);
        if (!linear.has_value()) continue;
        const std::optional<int64_t> root = linear->Solve(equation.size);
        if (!root.has_value()) {
          return Contradiction(
              equation,
              absl::StrCat("no size of '", linear->name, "' makes it that"));
        }
        OPCOST_RETURN_IF_ERROR(
            BindSymbol(linear->name, *root, equation.option));
        equation.extent = nullptr;
        goes_on = true;
      }
    }
    for (const Equation& equation : equations_) {
      if (equation.extent == nullptr) continue;
      const Extent value = equation.extent->Bind(binding_.numbers);
      if (value.Is(equation.size)) continue;
      const auto [known, is_new] =
          binding_.texts.emplace(equation.text, equation.size);
      if (value.is_concrete() || (!is_new && known->second != equation.size)) {
        return Contradiction(
            equation,
            absl::StrCat("the other options make it ",
                         value.is_concrete() ? value.value() : known->second));
      }
      analysis_->bound_dims[equation.text] = equation.size;
    }
    equations_.clear();
    Apply();
    return absl::OkStatus();
  }

  static absl::Status Contradiction(const Equation& equation,
                                    absl::string_view why) {
    return absl::NotFoundError(
        absl::StrCat(equation.option, " makes dimension '", equation.text, "' ",
                     equation.size, ", but ", why));
  }

  absl::Status BindSymbol(const std::string& name, int64_t size,
                          absl::string_view option) {
    const auto [known, is_new] = binding_.numbers.emplace(name, size);
    if (!is_new && known->second != size) {
      return absl::NotFoundError(
          absl::StrCat(option, " makes dimension '", name, "' ", size,
                       ", but it was already given as ", known->second));
    }
    return absl::OkStatus();
  }

  absl::Status ReplaceShapes() {
    for (const auto& [name, sizes] : options_.input_shapes) {
      const ValueIndex input = FindInput(name);
      if (input == kAbsent) return NoSuchInput(name);
      ValueType& type = TypeOf(input);
      if (type.kind == ValueKind::kUnknown) {
        type = ValueType(DataType::kFloat32, {});
        type.tensor.shape = Shape::Unknown();
      }
      if (!type.is_tensor()) {
        return absl::NotFoundError(
            absl::StrCat("--input ", name, ": the input is ", ToString(type),
                         ", not a tensor, so it takes no shape"));
      }
      if (!type.tensor.shape.has_rank()) {
        type.tensor.shape = Shape(Dims(sizes.begin(), sizes.end()));
        continue;
      }
      Dims& dims = type.tensor.shape.mutable_dims();
      const Dims& declared = DeclaredType(input).tensor.shape.dims();
      if (dims.size() != sizes.size()) {
        return absl::NotFoundError(
            absl::StrCat("--input ", name, " has ", sizes.size(),
                         " dimensions, but the model declares ", dims.size(),
                         " (", ToString(absl::MakeConstSpan(dims)), ")"));
      }
      for (size_t axis = 0; axis < sizes.size(); ++axis) {
        OPCOST_RETURN_IF_ERROR(Assign(&dims[axis], sizes[axis],
                                      absl::StrCat("--input ", name),
                                      TextOf(declared[axis], dims[axis])));
      }
    }
    return absl::OkStatus();
  }

  ValueIndex FindInput(absl::string_view name) const {
    for (const ValueIndex input : inputs_) {
      if (NameOf(input) == name) return input;
    }
    return kAbsent;
  }

  absl::Status NoSuchInput(absl::string_view name) const {
    std::set<std::string> names;
    for (const ValueIndex input : inputs_) names.insert(NameOf(input));
    return absl::NotFoundError(absl::StrCat(
        "--input ", name, ": the model has no such input",
        names.empty() ? "" : absl::StrCat("; it has ", Quoted(names))));
  }

  // --dim of a symbol; or of what the model itself calls a dimension, where
  // that is an expression: 'past + 1=8' is as good as past=7.
  absl::Status TakeDims() {
    if (options_.dims.empty()) return absl::OkStatus();
    const std::set<std::string> open = OpenSymbols();
    std::map<std::string, Extent*> texts = OpenTexts();
    for (const auto& [name, size] : options_.dims) {
      const std::string option = absl::StrCat("--dim ", name);
      const auto text = texts.find(name);
      if (open.find(name) != open.end()) {
        OPCOST_RETURN_IF_ERROR(BindSymbol(name, size, option));
      } else if (text != texts.end()) {
        OPCOST_RETURN_IF_ERROR(Assign(text->second, size, option, name));
      } else {
        return absl::NotFoundError(absl::StrCat(
            option, "=", size,
            ": no input of the model has a dimension of that name; ",
            open.empty() ? "all its dimensions are numbers"
                         : absl::StrCat("it has ", Quoted(open))));
      }
    }
    return absl::OkStatus();
  }

  // The inputs' dimensions that aren't numbers, by the model's own names.
  std::map<std::string, Extent*> OpenTexts() {
    std::map<std::string, Extent*> texts;
    for (const ValueIndex input : inputs_) {
      Dims* dims = DimsOf(input);
      const ValueType& type = DeclaredType(input);
      if (dims == nullptr || !type.is_tensor() ||
          !type.tensor.shape.has_rank()) {
        continue;
      }
      for (size_t axis = 0; axis < dims->size(); ++axis) {
        if ((*dims)[axis].is_concrete()) continue;
        texts.emplace(TextOf(type.tensor.shape.dims()[axis], (*dims)[axis]),
                      &(*dims)[axis]);
      }
    }
    return texts;
  }

  absl::Status TakeBatch() {
    if (!options_.batch.has_value()) return absl::OkStatus();
    const Dims* first = inputs_.empty() ? nullptr : DimsOf(inputs_[0]);
    if (first == nullptr || first->empty()) {
      return absl::NotFoundError(
          "--batch: the model's first input has no axis 0 to replace");
    }
    const Extent batch = (*first)[0];
    for (const ValueIndex input : inputs_) {
      Dims* dims = DimsOf(input);
      if (dims == nullptr || dims->empty() || !((*dims)[0] == batch)) continue;
      OPCOST_RETURN_IF_ERROR(Assign(&(*dims)[0], *options_.batch, "--batch",
                                    (*dims)[0].ToString()));
    }
    return SolveEquations();
  }

  // Symbols that are axis 0 of every input in which they occur, and nothing
  // else there.
  std::set<std::string> BatchSymbols() {
    std::set<std::string> first_axis;
    std::set<std::string> elsewhere;
    for (const ValueIndex input : inputs_) {
      const Dims* dims = DimsOf(input);
      if (dims == nullptr) continue;
      for (size_t axis = 0; axis < dims->size(); ++axis) {
        std::set<std::string> names;
        (*dims)[axis].CollectSymbols(&names);
        const bool is_plain = (*dims)[axis].sym().AsSymbol() != nullptr;
        (axis == 0 && is_plain ? first_axis : elsewhere)
            .insert(names.begin(), names.end());
      }
    }
    for (const std::string& name : elsewhere) first_axis.erase(name);
    return first_axis;
  }

  void TakeBatchesOfOne() {
    for (const std::string& name : BatchSymbols()) {
      binding_.numbers.emplace(name, 1);
      analysis_->diagnostics.Note(
          "batch-of-one",
          absl::StrCat("dimension '", name,
                       "' is taken as a batch of 1; give another size with "
                       "--batch N"));
    }
    Apply();
  }

  absl::Status TakeUnbound() {
    const std::set<std::string> open = OpenSymbols();
    if (open.empty()) return absl::OkStatus();
    if (options_.unbound.has_value()) {
      for (const std::string& name : open) {
        binding_.numbers.emplace(name, *options_.unbound);
      }
      return absl::OkStatus();
    }
    std::string line;
    for (const std::string& name : open) {
      const bool is_word =
          name.find_first_of(" '\"$`\\()*;&|<>") == std::string::npos;
      absl::StrAppend(&line, " --dim ", is_word ? "" : "'", name, "=<size>",
                      is_word ? "" : "'");
    }
    return absl::FailedPreconditionError(
        absl::StrCat(analysis_->model->path, ": ",
                     open.size() == 1 ? "dimension " : "dimensions ",
                     Quoted(open), " of the inputs ",
                     open.size() == 1 ? "is" : "are", " not a number; give ",
                     open.size() == 1 ? "it" : "them", " with", line));
  }

  const InputOptions& options_;
  const Graph& graph_;
  Analysis* analysis_;
  const std::vector<ValueIndex> inputs_;
  InputBinding binding_;
  std::vector<Equation> equations_;
};

}  // namespace

ValueType InputBinding::Read(const ValueType& declared,
                             absl::string_view name) const {
  if (!declared.is_tensor() || !declared.tensor.shape.has_rank()) {
    return declared;
  }
  ValueType type = declared;
  Dims& dims = type.tensor.shape.mutable_dims();
  for (size_t axis = 0; axis < dims.size(); ++axis) {
    Extent& extent = dims[axis];
    const std::string* text = extent.sym().AsSymbol();
    if (text == nullptr) continue;
    // The reader calls what has no name after the value, which may hold
    // anything.
    const bool is_named = *text != absl::StrCat(name, ".", axis);
    const auto pinned = texts.find(*text);
    Extent value = is_named ? DimensionCalled(*text) : extent;
    value = value.Bind(numbers);
    extent = pinned == texts.end() || value.is_concrete()
                 ? std::move(value)
                 : Extent(pinned->second);
  }
  return type;
}

absl::StatusOr<InputBinding> BindInputs(const InputOptions& options,
                                        Analysis* analysis) {
  return Binder(options, analysis).Run();
}

}  // namespace opcost
