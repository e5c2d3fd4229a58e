// SPDX-License-Identifier: Apache-2.0
#include "src/report/alignment.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace opcost {
namespace {

using absl::string_view;

// Pairs of layers that are weighed at once: 64 MB of choices.
constexpr size_t kMostPairs = size_t{1} << 26;

constexpr int kShapeWeight = 3;
constexpr int kNameWeight = 1;
constexpr int kRankWeight = 1;

// Forms of an operator whose name doesn't say so by a prefix.
constexpr std::pair<string_view, string_view> kForms[] = {
    {"ConvInteger", "Conv"},
    {"Gemm", "MatMul"},
    {"QGemm", "MatMul"},
    {"GemmFastGelu", "MatMul"},
    {"MatMulInteger", "MatMul"},
    {"MatMulIntegerToFloat", "MatMul"},
    {"MatMulInteger16", "MatMul"},
    {"MatMulNBits", "MatMul"},
    {"MatMulBnb4", "MatMul"},
    {"MatMulFpQ4", "MatMul"},
    {"TransposeMatMul", "MatMul"},
    {"TransposedMatMul", "MatMul"},
    {"QAttention", "Attention"},
    {"FastGelu", "Gelu"},
    {"QuickGelu", "Gelu"},
    {"BiasGelu", "Gelu"},
    {"SimplifiedLayerNormalization", "RMSNormalization"},
    {"SkipSimplifiedLayerNormalization", "RMSNormalization"},
    {"SkipLayerNormalization", "LayerNormalization"},
};

constexpr string_view kPrefixes[] = {"QLinear", "DynamicQuantize", "Nhwc",
                                     "Fused"};

string_view WithoutDomain(string_view op) {
  const size_t dot = op.rfind('.');
  return dot == op.npos ? op : op.substr(dot + 1);
}

// "Conv_12" of a Conv, "12".
bool IsPosition(const AlignmentKey& key) {
  string_view rest = key.name;
  if (absl::ConsumePrefix(&rest, WithoutDomain(key.op))) {
    if (!absl::ConsumePrefix(&rest, "_")) return false;
  }
  return !rest.empty() && std::all_of(rest.begin(), rest.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
}

// A key in numbers that compare fast; those of equal text are equal.
struct Token {
  int family = 0;
  int shape = 0;
  int rank = 0;
  int name = 0;
  bool is_position = false;
};

// Numbers texts in the order in which they come.
class Numbering {
 public:
  int Of(string_view text) {
    return numbers_.try_emplace(text, static_cast<int>(numbers_.size()))
        .first->second;
  }

 private:
  absl::flat_hash_map<std::string, int> numbers_;
};

int Weight(const Token& a, const Token& b) {
  if (a.family != b.family) return 0;
  if (a.shape == b.shape) {
    return kShapeWeight + (a.name == b.name ? kNameWeight : 0);
  }
  return a.rank == b.rank ? kRankWeight : 0;
}

using Indices = std::vector<int>;

// The pairs of `partners` (of each variant layer) that keep the order, as many
// as can be; (base, variant), ascending.
std::vector<std::pair<int, int>> InOrder(const Indices& partners) {
  std::vector<int> tails;  // variant indices: the least end of each length
  Indices before(partners.size(), -1);
  for (size_t j = 0; j < partners.size(); ++j) {
    if (partners[j] < 0) continue;
    const auto less = [&partners](int tail, int base) {
      return partners[static_cast<size_t>(tail)] < base;
    };
    const auto place =
        std::lower_bound(tails.begin(), tails.end(), partners[j], less);
    if (place != tails.begin()) before[j] = *(place - 1);
    if (place == tails.end()) {
      tails.push_back(static_cast<int>(j));
    } else {
      *place = static_cast<int>(j);
    }
  }
  std::vector<std::pair<int, int>> pairs;
  for (int j = tails.empty() ? -1 : tails.back(); j >= 0;
       j = before[static_cast<size_t>(j)]) {
    pairs.emplace_back(partners[static_cast<size_t>(j)], j);
  }
  std::reverse(pairs.begin(), pairs.end());
  return pairs;
}

class Aligner {
 public:
  Aligner(absl::Span<const AlignmentKey> base,
          absl::Span<const AlignmentKey> variant)
      : base_(Tokens(base)),
        variant_(Tokens(variant)),
        partners_(variant.size(), -1),
        is_taken_(base.size(), 0) {}

  Indices Run() {
    PairByName();
    std::vector<std::pair<int, int>> fixed = InOrder(partners_);
    fixed.emplace_back(static_cast<int>(base_.size()),
                       static_cast<int>(variant_.size()));
    int base_begin = 0;
    int variant_begin = 0;
    for (const auto& [i, j] : fixed) {
      PairByStructure(Free(is_taken_, base_begin, i),
                      FreeVariants(variant_begin, j));
      base_begin = i + 1;
      variant_begin = j + 1;
    }
    return std::move(partners_);
  }

 private:
  std::vector<Token> Tokens(absl::Span<const AlignmentKey> keys) {
    std::vector<Token> tokens;
    tokens.reserve(keys.size());
    for (const AlignmentKey& key : keys) {
      Token token;
      token.family = texts_.Of(OperatorFamily(key.op));
      token.shape = texts_.Of(key.shape);
      token.rank = key.shape.empty()
                       ? 0
                       : 1 + static_cast<int>(std::count(key.shape.begin(),
                                                         key.shape.end(), 'x'));
      token.name = texts_.Of(key.name);
      token.is_position = IsPosition(key);
      tokens.push_back(token);
    }
    return tokens;
  }

  void Pair(int base, int variant) {
    partners_[static_cast<size_t>(variant)] = base;
    is_taken_[static_cast<size_t>(base)] = 1;
  }

  void PairByName() {
    absl::flat_hash_map<int, int> places;
    for (size_t j = 0; j < variant_.size(); ++j) {
      places.try_emplace(variant_[j].name, static_cast<int>(j));
    }
    for (size_t i = 0; i < base_.size(); ++i) {
      if (base_[i].is_position) continue;
      const auto place = places.find(base_[i].name);
      if (place == places.end()) continue;
      const auto j = static_cast<size_t>(place->second);
      if (variant_[j].family == base_[i].family && partners_[j] < 0) {
        Pair(static_cast<int>(i), place->second);
      }
    }
  }

  static Indices Free(const std::vector<uint8_t>& taken, int begin, int end) {
    Indices free;
    for (int i = begin; i < end; ++i) {
      if (taken[static_cast<size_t>(i)] == 0) free.push_back(i);
    }
    return free;
  }
  Indices FreeVariants(int begin, int end) const {
    Indices free;
    for (int j = begin; j < end; ++j) {
      if (partners_[static_cast<size_t>(j)] < 0) free.push_back(j);
    }
    return free;
  }

  int WeightOf(int base, int variant) const {
    return Weight(base_[static_cast<size_t>(base)],
                  variant_[static_cast<size_t>(variant)]);
  }

  void PairByStructure(absl::Span<const int> bases,
                       absl::Span<const int> variants) {
    // What is alike at both ends needs no search.
    while (!bases.empty() && !variants.empty() &&
           WeightOf(bases.front(), variants.front()) >= kShapeWeight) {
      Pair(bases.front(), variants.front());
      bases.remove_prefix(1);
      variants.remove_prefix(1);
    }
    while (!bases.empty() && !variants.empty() &&
           WeightOf(bases.back(), variants.back()) >= kShapeWeight) {
      Pair(bases.back(), variants.back());
      bases.remove_suffix(1);
      variants.remove_suffix(1);
    }
    if (bases.empty() || variants.empty()) return;
    if (bases.size() > kMostPairs / variants.size()) {
      PairByOccurrence(bases, variants);
    } else {
      PairByWeight(bases, variants);
    }
  }

  // The heaviest common subsequence, by the textbook's table.
  void PairByWeight(absl::Span<const int> bases,
                    absl::Span<const int> variants) {
    enum Choice : uint8_t { kSkipVariant, kSkipBase, kPair };
    const size_t columns = variants.size();
    std::vector<uint8_t> choices(bases.size() * columns);
    std::vector<int> above(columns + 1, 0), row(columns + 1, 0);
    for (size_t i = 0; i < bases.size(); ++i) {
      for (size_t j = 0; j < columns; ++j) {
        int best = row[j];
        Choice choice = kSkipVariant;
        if (above[j + 1] > best) {
          best = above[j + 1];
          choice = kSkipBase;
        }
        const int weight = WeightOf(bases[i], variants[j]);
        if (weight > 0 && above[j] + weight >= best) {
          best = above[j] + weight;
          choice = kPair;
        }
        row[j + 1] = best;
        choices[i * columns + j] = choice;
      }
      std::swap(above, row);
    }
    for (size_t i = bases.size(), j = columns; i > 0 && j > 0;) {
      switch (choices[(i - 1) * columns + (j - 1)]) {
        case kPair:
          Pair(bases[--i], variants[--j]);
          break;
        case kSkipBase:
          --i;
          break;
        default:
          --j;
      }
    }
  }

  void PairByOccurrence(absl::Span<const int> bases,
                        absl::Span<const int> variants) {
    std::map<std::pair<int, int>, std::vector<int>> waiting;
    for (size_t n = bases.size(); n > 0; --n) {
      const Token& token = base_[static_cast<size_t>(bases[n - 1])];
      waiting[{token.family, token.shape}].push_back(bases[n - 1]);
    }
    for (const int j : variants) {
      const Token& token = variant_[static_cast<size_t>(j)];
      std::vector<int>& same = waiting[{token.family, token.shape}];
      if (same.empty()) continue;
      Pair(same.back(), j);
      same.pop_back();
    }
  }

  Numbering texts_;
  std::vector<Token> base_, variant_;
  Indices partners_;               // of each variant layer
  std::vector<uint8_t> is_taken_;  // of each base layer
};

}  // namespace

std::string OperatorFamily(string_view op) {
  string_view name = WithoutDomain(op);
  for (bool is_shorter = true; is_shorter;) {
    is_shorter = false;
    for (const string_view prefix : kPrefixes) {
      if (name.size() > prefix.size() && absl::ConsumePrefix(&name, prefix)) {
        is_shorter = true;
      }
    }
  }
  for (const auto& [form, family] : kForms) {
    if (name == form) return std::string(family);
  }
  // "DynamicQuantizeLinear" is no form of "Linear".
  if (name == "Linear") return std::string(WithoutDomain(op));
  return std::string(name);
}

std::vector<int> Align(absl::Span<const AlignmentKey> base,
                       absl::Span<const AlignmentKey> variant) {
  return Aligner(base, variant).Run();
}

}  // namespace opcost
