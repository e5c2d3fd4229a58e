// SPDX-License-Identifier: Apache-2.0
// What one machine pays for arithmetic and for memory.
#ifndef OPCOST_ENERGY_COST_TABLE_H_
#define OPCOST_ENERGY_COST_TABLE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "opcost/ir/data_type.h"
#include "opcost/memory/traffic.h"
#include "opcost/ops/op_counts.h"

namespace opcost {

// Where a price comes from: a `[source.id]` section.
struct Source {
  std::string id;
  std::string cite;
  std::string where;
};

// What one operation, or one read or write of one element, costs. The unit is
// the table's: picojoules, or MACs for a relative table.
struct Price {
  double pj = 0;
  double min_pj = 0;  // the published range; both equal `pj` without one
  double max_pj = 0;
  // The table lacks this width: computed from the entries that `entry` names.
  // False where the price is proportional to the width anyway.
  bool is_interpolated = false;
  std::string entry;   // "float32.mul", "DRAM.read 32", "int8.add, int32.add"
  std::string source;  // Source::id
  std::string table;   // the table whose file gives it (`extends`)

  bool has_range() const { return min_pj != max_pj; }
};

// How a function is paid for: by expansion into muls and adds, or by a price of
// its own.
struct FunctionCost {
  int64_t mul = 0;
  int64_t add = 0;
  std::optional<Price> price;  // then mul and add are 0
  std::string source;          // of the expansion
  std::string table;
};

// The optional [static] section: power that doesn't depend on the work, and the
// rates that turn counts into seconds; and what running an operator costs
// beside its work (dispatch, set-up).
struct StaticPower {
  double watts = 0;
  double pj_per_operator = 0;  // of each layer that isn't a view, each time
  // By number format's name ("int8").
  std::map<std::string, double> macs_per_second;
  // By tier index.
  std::map<int, double> bytes_per_second;

  // False if nothing but the operators' own cost is given.
  bool needs_seconds() const {
    return watts > 0 || !macs_per_second.empty() || !bytes_per_second.empty();
  }
};

// The optional [fit] section: how a fitted table came about. What isn't given
// is empty.
struct FitRecord {
  std::string host;          // the machine that was measured
  std::string memory_model;  // as `--memory-model` names it
  std::string graph;         // as `--graph` names it
  std::string array_scope;   // as `--array-scope` names it
  // All keys with their values as text, in the file's order, those of nested
  // tables with a dot: "prices.DRAM.read".
  std::vector<std::pair<std::string, std::string>> entries;
};

enum class EnergyUnit : uint8_t { kPicojoule, kRelative };

// A cost table, immutable. A price that neither the file nor a table that it
// extends gives is computed from neighbouring widths where the table allows
// (cost model, 3.3); else it is an error, never zero.
class CostTable {
 public:
  // Gives the text of the table that another one `extends`, by name.
  using Resolver =
      std::function<absl::StatusOr<std::string>(absl::string_view name)>;

  // Reads a table in the TOML form of costtables/README.md. `path` names the
  // text in messages; it isn't opened.
  //
  // Errors: INVALID_ARGUMENT, with "path:line:column: " in front: not TOML; an
  // unknown, repeated or missing key; a price that is negative or not finite;
  // capacities out of order; an unknown element type, function or source; a
  // chain of `extends` that is circular or too long.
  static absl::StatusOr<CostTable> Parse(absl::string_view path,
                                         absl::string_view text,
                                         const Resolver& resolve);

  CostTable(CostTable&&) noexcept;
  CostTable& operator=(CostTable&&) noexcept;
  ~CostTable();

  const std::string& name() const;
  const std::string& title() const;
  // "xxh3-128:<32 digits>" of the file's text, and of those that it extends.
  const std::string& digest() const;
  EnergyUnit unit() const;
  bool interpolates() const;
  // Names of the tables that it extends, nearest first.
  const std::vector<std::string>& bases() const;
  absl::Span<const Tier> tiers() const;  // nearest first, the last unbounded
  const std::vector<Source>& sources() const;
  const Source* FindSource(absl::string_view id) const;
  const StaticPower* static_power() const;  // nullptr if the table has none
  // nullptr if the table wasn't fitted. One that extends a fitted table isn't.
  const FitRecord* fit() const;

  // The price of one mul or add in `format`: by element type, then by kind and
  // width, then interpolated. Errors: FAILED_PRECONDITION, naming the entry
  // that is missing.
  absl::StatusOr<Price> Arithmetic(ArithOp mul_or_add,
                                   const NumberFormat& format) const;
  // The price of a whole MAC whose operands have formats `a` and `b` and whose
  // product has `product`, if the table has one that applies: the pair's own
  // entry, in either order; then `product`'s; then an interpolated one if every
  // mul that the table prices in that kind has a MAC beside it. nullopt: a mul
  // and an add.
  std::optional<Price> Mac(const NumberFormat& a, const NumberFormat& b,
                           const NumberFormat& product) const;
  // `op` is neither kMul nor kAdd.
  absl::StatusOr<FunctionCost> Function(ArithOp op,
                                        const NumberFormat& format) const;
  // One element of `format` read from, or written to, tier `tier`.
  absl::StatusOr<Price> Read(int tier, const NumberFormat& format) const;
  absl::StatusOr<Price> Write(int tier, const NumberFormat& format) const;

  // Every price that the table gives or inherits, in a fixed order, for
  // `tables show` and `tables diff`: "float32 mul", "DRAM read 32 bit", "exp".
  struct Entry {
    std::string key;
    Price price;            // `pj` is NaN for an expansion
    std::string expansion;  // "10 mul + 11 add"
  };
  std::vector<Entry> Entries() const;

 private:
  friend class TableWriter;
  struct Rep;
  explicit CostTable(std::unique_ptr<const Rep> rep);
  std::unique_ptr<const Rep> rep_;
};

// The tables that come with opcost, by name, and those of the folders in
// `search_path` (from $OPCOST_TABLE_PATH; read by the caller).
class TableLibrary {
 public:
  explicit TableLibrary(std::vector<std::string> folders = {});

  struct Listing {
    std::string name;
    std::string title;
    std::string path;     // empty for one that is compiled in
    std::string problem;  // a file that can't be read or isn't a table
  };
  std::vector<Listing> List() const;

  // `name_or_path` is a path if it contains a '/' or ends in ".toml", else a
  // name: in the folders first, then compiled in. Errors: NOT_FOUND with near
  // matches and the way to list; whatever Parse() says.
  absl::StatusOr<CostTable> Load(absl::string_view name_or_path) const;
  // The file's text, as Load() would parse it, and where it lies.
  struct Text {
    std::string path;
    std::string text;
  };
  absl::StatusOr<Text> LoadText(absl::string_view name_or_path) const;

 private:
  std::vector<std::string> folders_;
};

// A commented copy of a table under another name, ready to be edited.
// Errors: `new_name` isn't a word of letters, digits, '-', '_' and '.'.
absl::StatusOr<std::string> CopyOfTable(const TableLibrary::Text& original,
                                        absl::string_view new_name);

}  // namespace opcost

#endif  // OPCOST_ENERGY_COST_TABLE_H_
