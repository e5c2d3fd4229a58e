// SPDX-License-Identifier: Apache-2.0
#include "src/analysis/binding.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "opcost/support/status_macros.h"

namespace opcost {
namespace {

std::string Quoted(const std::set<std::string>& names) {
  return absl::StrJoin(names, ", ", [](std::string* out, const auto& name) {
    absl::StrAppend(out, "'", name, "'");
  });
}

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
      TypeOf(input) = DeclaredType(input);
    }
    OPCOST_RETURN_IF_ERROR(ReplaceShapes());
    OPCOST_RETURN_IF_ERROR(TakeDims());
    OPCOST_RETURN_IF_ERROR(TakeBatch());
    Apply();
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
    if (binding_.numbers.empty()) return;
    for (const ValueIndex input : inputs_) {
      Dims* dims = DimsOf(input);
      if (dims == nullptr) continue;
      for (Extent& extent : *dims) extent = extent.Bind(binding_.numbers);
    }
  }

  // Gives `extent` the number `size`: binds it if it is a symbol, else
  // replaces it.
  absl::Status Assign(Extent* extent, int64_t size, absl::string_view option) {
    std::set<std::string> names;
    extent->CollectSymbols(&names);
    if (names.size() == 1 && extent->ToString() == *names.begin()) {
      return BindSymbol(*names.begin(), size, option);
    }
    if (!extent->Is(size)) binding_.replaces_declared_shapes = true;
    *extent = Extent(size);
    return absl::OkStatus();
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
      if (dims.size() != sizes.size()) {
        return absl::NotFoundError(
            absl::StrCat("--input ", name, " has ", sizes.size(),
                         " dimensions, but the model declares ", dims.size(),
                         " (", ToString(absl::MakeConstSpan(dims)), ")"));
      }
      for (size_t axis = 0; axis < sizes.size(); ++axis) {
        OPCOST_RETURN_IF_ERROR(
            Assign(&dims[axis], sizes[axis], absl::StrCat("--input ", name)));
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

  absl::Status TakeDims() {
    if (options_.dims.empty()) return absl::OkStatus();
    const std::set<std::string> open = OpenSymbols();
    for (const auto& [name, size] : options_.dims) {
      if (open.find(name) == open.end()) {
        return absl::NotFoundError(absl::StrCat(
            "--dim ", name, "=", size,
            ": no input of the model has a dimension of that name; ",
            open.empty() ? "all its dimensions are numbers"
                         : absl::StrCat("it has ", Quoted(open))));
      }
      OPCOST_RETURN_IF_ERROR(
          BindSymbol(name, size, absl::StrCat("--dim ", name)));
    }
    return absl::OkStatus();
  }

  absl::Status TakeBatch() {
    if (!options_.batch.has_value()) return absl::OkStatus();
    Apply();
    const Dims* first = inputs_.empty() ? nullptr : DimsOf(inputs_[0]);
    if (first == nullptr || first->empty()) {
      return absl::NotFoundError(
          "--batch: the model's first input has no axis 0 to replace");
    }
    const Extent batch = (*first)[0];
    for (const ValueIndex input : inputs_) {
      Dims* dims = DimsOf(input);
      if (dims == nullptr || dims->empty() || !((*dims)[0] == batch)) continue;
      OPCOST_RETURN_IF_ERROR(Assign(&(*dims)[0], *options_.batch, "--batch"));
    }
    return absl::OkStatus();
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
        const bool is_plain =
            names.size() == 1 && (*dims)[axis].ToString() == *names.begin();
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
};

}  // namespace

absl::StatusOr<InputBinding> BindInputs(const InputOptions& options,
                                        Analysis* analysis) {
  return Binder(options, analysis).Run();
}

}  // namespace opcost
