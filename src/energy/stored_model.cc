// SPDX-License-Identifier: Apache-2.0
#include "src/energy/stored_model.h"

#include <cstddef>
#include <limits>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "opcost/memory/formats.h"
#include "opcost/support/status_macros.h"
#include "src/energy/sparsity_hint.h"

namespace opcost {
namespace {

// Energies closer than this are the same: sums in another order.
constexpr double kTie = 1e-12;
// Layers that notes name, one by one.
constexpr size_t kNamedLayers = 5;

using Storages = std::vector<LayerStorage>;

absl::StatusOr<Storages> StoragesIn(const Analysis& analysis,
                                    const Formats& formats,
                                    const StorageOptions& options,
                                    StorageFormat format) {
  Storages storages;
  for (const LayerCounts& layer : analysis.layers) {
    OPCOST_ASSIGN_OR_RETURN(
        LayerStorage storage,
        FindStorage(analysis, layer, formats, options, format));
    storages.push_back(std::move(storage));
  }
  return storages;
}

// A copy of `analysis` whose layers are stored so.
std::shared_ptr<Analysis> Stored(const Analysis& analysis,
                                 const Storages& storages) {
  auto copy = std::make_shared<Analysis>(analysis);
  for (size_t i = 0; i < storages.size(); ++i) {
    ApplyStorage(storages[i], copy->layers[i]);
  }
  return copy;
}

// Whether the layer's counts are other than the rule's own.
bool IsStored(const LayerStorage& storage) { return !storage.operands.empty(); }

// The best format of each layer so far.
class Choice {
 public:
  explicit Choice(size_t layers)
      : best_(layers),
        energies_(layers, std::numeric_limits<double>::infinity()) {}

  void Offer(Storages storages, const std::vector<double>& energies) {
    for (size_t i = 0; i < best_.size(); ++i) {
      const bool is_dense = storages[i].format == StorageFormat::kDense;
      if (is_dense && energies_[i] < std::numeric_limits<double>::infinity()) {
        // The format isn't there; dense has been offered.
        continue;
      }
      if (energies[i] >= energies_[i] * (1 - kTie)) continue;
      energies_[i] = energies[i];
      best_[i] = std::move(storages[i]);
    }
  }
  Storages& best() { return best_; }

 private:
  Storages best_;
  std::vector<double> energies_;
};

absl::StatusOr<Storages> LeastEnergy(const Analysis& analysis,
                                     const CostTable& table,
                                     const EstimateOptions& options,
                                     const Formats& formats,
                                     Diagnostics& notes) {
  Choice choice(analysis.layers.size());
  std::vector<std::string> reasons(analysis.layers.size());
  for (const StorageFormat format : kStorageFormats) {
    OPCOST_ASSIGN_OR_RETURN(
        Storages storages,
        StoragesIn(analysis, formats, options.storage, format));
    // A lack of patterns is no news, one of statistics or of ranks is.
    if (format != StorageFormat::kNm) {
      for (size_t i = 0; i < storages.size(); ++i) {
        if (storages[i].reason.empty() || !reasons[i].empty()) continue;
        reasons[i] = storages[i].reason;
      }
    }
    const absl::StatusOr<std::vector<double>> energies =
        LayerEnergies(*Stored(analysis, storages), table, options);
    if (!energies.ok()) {
      if (format == StorageFormat::kDense) return energies.status();
      notes.Note("weight-format",
                 absl::StrCat("no layer takes ", Name(format), ": ",
                              energies.status().message()));
      continue;
    }
    choice.Offer(std::move(storages), *energies);
  }
  for (size_t i = 0; i < reasons.size(); ++i) {
    choice.best()[i].reason = std::move(reasons[i]);
  }
  return std::move(choice.best());
}

// What the report says of layers that don't have the format asked for.
void NoteReasons(const Storages& storages, const StorageOptions& options,
                 Analysis& analysis) {
  size_t layers = 0;
  for (size_t i = 0; i < storages.size(); ++i) {
    const LayerStorage& storage = storages[i];
    if (storage.reason.empty() || ++layers > kNamedLayers) continue;
    const LayerCounts& layer = analysis.layers[i];
    std::string what = options.format.has_value() ? " stays dense: "
                       : IsStored(storage)
                           ? absl::StrCat(" takes ", storage.label(),
                                          ", some formats being unavailable: ")
                           : " stays dense, some formats being unavailable: ";
    analysis.diagnostics.Note(
        "weight-format", absl::StrCat(layer.node->op_type, " '", layer.name,
                                      "'", what, storage.reason));
  }
  if (layers > kNamedLayers) {
    analysis.diagnostics.Note(
        "weight-format",
        absl::StrCat("so it is with ", layers - kNamedLayers,
                     " more layers; opcost explain says why, and --format "
                     "json in their notes"));
  }
}

}  // namespace

absl::StatusOr<StoredModel> StoreModel(const Analysis& analysis,
                                       const CostTable& table,
                                       const EstimateOptions& options) {
  const Formats formats(analysis, options.formats);
  const StorageOptions& storage = options.storage;
  Diagnostics notes;
  absl::StatusOr<Storages> storages =
      storage.format.has_value()
          ? StoragesIn(analysis, formats, storage, *storage.format)
          : LeastEnergy(analysis, table, options, formats, notes);
  if (!storages.ok()) return storages.status();
  if (storage.skips_zeros && storage.format.has_value() &&
      *storage.format != StorageFormat::kDense) {
    OPCOST_ASSIGN_OR_RETURN(
        Storages dense,
        StoragesIn(analysis, formats, storage, StorageFormat::kDense));
    for (size_t i = 0; i < dense.size(); ++i) {
      LayerStorage& chosen = (*storages)[i];
      if (IsStored(chosen) || !IsStored(dense[i])) continue;
      dense[i].reason = std::move(chosen.reason);
      chosen = std::move(dense[i]);
    }
  }
  std::shared_ptr<Analysis> stored = Stored(analysis, *storages);
  for (const Diagnostic& note : notes.all()) stored->diagnostics.Add(note);
  NoteReasons(*storages, storage, *stored);
  OPCOST_ASSIGN_OR_RETURN(const std::string hint,
                          SparsityHint(analysis, formats, storage, *storages));
  if (!hint.empty()) stored->diagnostics.Note("sparse-weights", hint);
  return StoredModel{std::move(stored), *std::move(storages)};
}

}  // namespace opcost
