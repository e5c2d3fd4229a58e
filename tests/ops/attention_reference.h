// SPDX-License-Identifier: Apache-2.0
// Scaled dot-product attention as plain loops over numbers that count, and
// arrays that caches of keys and values are made of.
#ifndef OPCOST_TESTS_OPS_ATTENTION_REFERENCE_H_
#define OPCOST_TESTS_OPS_ATTENTION_REFERENCE_H_

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <vector>

#include "tests/support/counting.h"

namespace opcost {

// Element (batch, head, token, column) of queries, keys, values; or the mask of
// (batch, head, query, key).
using HeadElement = std::function<Number(int64_t, int64_t, int64_t, int64_t)>;

struct AttentionLoops {
  int64_t batch = 1;
  int64_t heads = 1;
  int64_t queries = 1;
  int64_t keys = 1;
  int64_t head_size = 1;
  int64_t value_head_size = 1;
  HeadElement query = nullptr;
  HeadElement key = nullptr;
  HeadElement value = nullptr;
  std::vector<HeadElement> masks = {};
  bool has_softcap = false;
  // The sink of a head.
  std::function<Number(int64_t)> sink = nullptr;
  // Receives each element of the result.
  std::function<void(int64_t, int64_t, int64_t, int64_t, const Number&)> write =
      nullptr;
};

// The scores of one query, written to `scores` from `row` on.
inline void ScoreLoops(Tally& tally, const AttentionLoops& a, Array& scores,
                       int64_t row, int64_t b, int64_t h, int64_t i) {
  const Number scale(tally, 0.5);
  for (int64_t j = 0; j < a.keys; ++j) {
    Number sum(tally, 0);
    for (int64_t x = 0; x < a.head_size; ++x) {
      sum = sum + a.query(b, h, i, x) * a.key(b, h, j, x);
      ++tally.macs;
    }
    sum = sum * scale;
    if (a.has_softcap) {
      const Number inner = sum * Number(tally, 0.1);
      sum = inner.Apply("tanh", std::tanh(inner.value())) * Number(tally, 10);
    }
    for (const HeadElement& mask : a.masks) sum = sum + mask(b, h, i, j);
    scores.Write(row + j, sum);
  }
}

inline Number Exponential(const Number& x) {
  return x.Apply("exp", std::exp(x.value()));
}

// The softmax of one row, in place.
inline void SoftmaxLoops(Tally& tally, const AttentionLoops& a, Array& scores,
                         int64_t row, int64_t h) {
  Number greatest(tally, -std::numeric_limits<double>::infinity());
  for (int64_t j = 0; j < a.keys; ++j) {
    greatest = Max(greatest, scores.Read(row + j));
  }
  Number total(tally, 0);
  if (a.sink) {
    const Number sink = a.sink(h);
    greatest = Max(greatest, sink);
    total = total + Exponential(sink - greatest);
  }
  for (int64_t j = 0; j < a.keys; ++j) {
    const Number e = Exponential(scores.Read(row + j) - greatest);
    scores.Write(row + j, e);
    total = total + e;
  }
  const Number reciprocal = Number(tally, 1) / total;
  for (int64_t j = 0; j < a.keys; ++j) {
    scores.Write(row + j, scores.Read(row + j) * reciprocal);
  }
}

inline void RunAttention(Tally& tally, const AttentionLoops& a) {
  Array scores(tally, "scores", {a.batch, a.heads, a.queries, a.keys});
  int64_t row = 0;
  for (int64_t b = 0; b < a.batch; ++b) {
    for (int64_t h = 0; h < a.heads; ++h) {
      for (int64_t i = 0; i < a.queries; ++i, row += a.keys) {
        ScoreLoops(tally, a, scores, row, b, h, i);
        SoftmaxLoops(tally, a, scores, row, h);
        for (int64_t x = 0; x < a.value_head_size; ++x) {
          Number sum(tally, 0);
          for (int64_t j = 0; j < a.keys; ++j) {
            sum = sum + scores.Read(row + j) * a.value(b, h, j, x);
            ++tally.macs;
          }
          a.write(b, h, i, x, sum);
        }
      }
    }
  }
}

// An array of (batch, heads, tokens, size), whatever the operand's layout.
inline HeadElement ElementOf(Array& array) {
  return [&array](int64_t b, int64_t h, int64_t t, int64_t x) {
    return array.Read({b, h, t, x});
  };
}

// Keys or values: those of the past, then the fresh ones. `sharing` heads have
// one key between them.
inline HeadElement Cached(Array& past, Array& fresh, int64_t past_length,
                          int64_t sharing = 1) {
  return [&past, &fresh, past_length, sharing](int64_t b, int64_t h, int64_t t,
                                               int64_t x) {
    return t < past_length ? past.Read({b, h / sharing, t, x})
                           : fresh.Read({b, h / sharing, t - past_length, x});
  };
}

// The cache after the run: the past, unless it is the same array, and the fresh
// ones, copied to `present`.
inline void AppendLoops(Array& past, Array& fresh, int64_t past_length,
                        bool shares_buffer, Array& present) {
  const std::vector<int64_t>& dims = fresh.dims();
  for (int64_t b = 0; b < dims[0]; ++b) {
    for (int64_t h = 0; h < dims[1]; ++h) {
      for (int64_t x = 0; x < dims[3]; ++x) {
        for (int64_t t = 0; t < past_length && !shares_buffer; ++t) {
          present.Write({b, h, t, x}, past.Read({b, h, t, x}));
        }
        for (int64_t t = 0; t < dims[2]; ++t) {
          present.Write({b, h, past_length + t, x}, fresh.Read({b, h, t, x}));
        }
      }
    }
  }
}

// Rotary position embedding of the first 2*half elements of each head of
// `from`, into `to`; the rest is copied unless both are one array.
inline void RotateLoops(Array& from, Array& to, Array& cosine, Array& sine) {
  const std::vector<int64_t>& dims = from.dims();
  const int64_t half = cosine.dims()[1];
  for (int64_t b = 0; b < dims[0]; ++b) {
    for (int64_t h = 0; h < dims[1]; ++h) {
      for (int64_t t = 0; t < dims[2]; ++t) {
        for (int64_t i = 0; i < half; ++i) {
          const Number low = from.Read({b, h, t, i}) * cosine.Read({t, i}) -
                             from.Read({b, h, t, i + half}) * sine.Read({t, i});
          const Number high =
              from.Read({b, h, t, i + half}) * cosine.Read({t, i}) +
              from.Read({b, h, t, i}) * sine.Read({t, i});
          to.Write({b, h, t, i}, low);
          to.Write({b, h, t, i + half}, high);
        }
        for (int64_t i = 2 * half; i < dims[3] && &from != &to; ++i) {
          to.Write({b, h, t, i}, from.Read({b, h, t, i}));
        }
      }
    }
  }
}

}  // namespace opcost

#endif  // OPCOST_TESTS_OPS_ATTENTION_REFERENCE_H_
