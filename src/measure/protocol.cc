// SPDX-License-Identifier: Apache-2.0
#include "opcost/measure/protocol.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "opcost/support/status_macros.h"
#include "src/measure/window.h"

namespace opcost {
namespace {

constexpr double kLeastWindow = 0.5;       // where the counter has none
constexpr double kMostRuns = 1e12;         // of one window
constexpr double kShortWindow = 0.9;       // over what was asked for
constexpr int kMostShortWindows = 5;       // in a row, after the warm-up
constexpr double kNotedIdleChange = 0.1;   // over the mean
constexpr double kNotedProcessors = 0.05;  // that others kept busy
constexpr double kMostTrials = 10000;

double PerSecond(int64_t microjoules, double seconds) {
  return seconds > 0 ? static_cast<double>(microjoules) / 1e6 / seconds : 0;
}

// One trial, with what a Trial doesn't keep.
struct TrialRecord {
  Trial trial;
  double window_seconds = 0;  // by the counter's clock
  WindowEnergy energy;
};

// What idling took, by domain and summed.
struct Idle {
  bool is_known = false;
  double watts = 0;
  std::vector<double> domain_watts;
};

class Protocol {
 public:
  Protocol(Workload& workload, EnergyCounter& counter,
           const ProtocolOptions& options, const ProtocolHost& host)
      : workload_(workload), counter_(counter), options_(options), host_(host) {
    if (!host_.sleep) host_.sleep = &SleepFor;
    window_ = options.window_seconds > 0
                  ? options.window_seconds
                  : std::max(counter.least_window_seconds(), kLeastWindow);
    is_constant_ = !counter.is_measured();
    idle_ = is_constant_               ? 0
            : options.idle_seconds < 0 ? window_
                                       : options.idle_seconds;
  }

  absl::StatusOr<Measurement> Measure() {
    OPCOST_RETURN_IF_ERROR(Check());
    OPCOST_RETURN_IF_ERROR(WarmUp());
    OPCOST_ASSIGN_OR_RETURN(before_, IdleFor(idle_));
    after_ = before_;
    const Load begin = LoadNow();
    OPCOST_RETURN_IF_ERROR(RunTrials());
    // Idling afterwards moves the net energy a little; it may take more trials.
    while (idle_ > 0) {
      const Load end = LoadNow();
      OPCOST_ASSIGN_OR_RETURN(after_, IdleFor(idle_));
      if (IsPrecise() || IsExhausted()) {
        NoteLoad(begin, end);
        return Result();
      }
      OPCOST_RETURN_IF_ERROR(RunTrials());
    }
    NoteLoad(begin, LoadNow());
    return Result();
  }

 private:
  struct Load {
    double steady_seconds = 0, busy = -1, own = 0, workload = -1;
  };

  absl::Status Check() const {
    if (options_.least_trials < 2 ||
        options_.most_trials < options_.least_trials ||
        options_.most_trials > kMostTrials) {
      return absl::InvalidArgumentError(absl::StrCat(
          "trials from ", options_.least_trials, " to ", options_.most_trials,
          ": at least 2 and at most ", kMostTrials, " can be had"));
    }
    if (!(options_.precision > 0) || !(window_ > 0) ||
        !std::isfinite(window_)) {
      return absl::InvalidArgumentError(
          "precision and window have to be above 0");
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Window> RunOnce(int64_t runs) {
    return WatchUntil(
        counter_, [this](double seconds) { return workload_.Wait(seconds); },
        [this, runs] { return workload_.Begin(runs); });
  }

  static int64_t Runs(double wanted) {
    return static_cast<int64_t>(std::clamp(std::ceil(wanted), 1.0, kMostRuns));
  }

  // Runs until caches, clocks and the runtime's own tuning have settled, and
  // finds how many inferences fill a window.
  absl::Status WarmUp() {
    double total = 0;
    // A rate from less than this is too coarse.
    const double telling = std::min(window_ / 4, 0.2);
    for (int64_t runs = 1;;) {
      OPCOST_ASSIGN_OR_RETURN(const Window window, RunOnce(runs));
      const double seconds = std::max(window.seconds(), 1e-7);
      total += seconds;
      const double each = seconds / static_cast<double>(runs);
      if (total >= options_.warm_seconds &&
          (seconds >= telling || each * kMostRuns < window_)) {
        runs_ = Runs(window_ / each);
        return absl::OkStatus();
      }
      const double missing =
          std::max(options_.warm_seconds - total, telling * 1.2);
      runs = Runs(std::min(missing / each, static_cast<double>(runs) * 16));
    }
  }

  absl::StatusOr<Idle> IdleFor(double seconds) {
    Idle idle;
    if (seconds <= 0) return idle;
    double left = seconds;
    OPCOST_ASSIGN_OR_RETURN(const Window window,
                            WatchUntil(
                                counter_,
                                [&](double most) -> absl::StatusOr<bool> {
                                  const double slice = std::min(most, left);
                                  host_.sleep(slice);
                                  left -= slice;
                                  return left <= 1e-9;
                                },
                                [] { return absl::OkStatus(); }));
    OPCOST_ASSIGN_OR_RETURN(const WindowEnergy energy,
                            EnergyOf(counter_, window));
    idle.is_known = true;
    idle.watts = PerSecond(energy.summed_microjoules, window.seconds());
    for (const int64_t microjoules : energy.microjoules) {
      idle.domain_watts.push_back(PerSecond(microjoules, window.seconds()));
    }
    return idle;
  }

  absl::Status RunTrial() {
    for (int attempt = 0;; ++attempt) {
      OPCOST_ASSIGN_OR_RETURN(const Window window, RunOnce(runs_));
      TrialRecord record;
      record.window_seconds = window.seconds();
      record.trial.runs = runs_;
      record.trial.seconds = workload_.seconds();
      const double filled = record.window_seconds / window_;
      if (filled < 1) {
        runs_ =
            Runs(static_cast<double>(runs_) / std::max(filled, 0.01) * 1.02);
      }
      // It became faster: it wasn't warm.
      if (filled < kShortWindow && attempt < kMostShortWindows &&
          record.trial.runs < runs_) {
        continue;
      }
      OPCOST_ASSIGN_OR_RETURN(record.energy, EnergyOf(counter_, window));
      record.trial.microjoules = is_constant_
                                     ? std::llround(counter_.constant_watts() *
                                                    record.trial.seconds * 1e6)
                                     : record.energy.summed_microjoules;
      records_.push_back(std::move(record));
      return absl::OkStatus();
    }
  }

  bool IsExhausted() const {
    return records_.size() >= static_cast<size_t>(options_.most_trials);
  }

  absl::Status RunTrials() {
    do {
      OPCOST_RETURN_IF_ERROR(RunTrial());
    } while (!IsExhausted() && !IsPrecise());
    return absl::OkStatus();
  }

  double IdleWatts() const { return (before_.watts + after_.watts) / 2; }

  double Gross(const TrialRecord& record) const {
    const double runs = static_cast<double>(record.trial.runs);
    return is_constant_
               ? counter_.constant_watts() * record.trial.seconds / runs
               : static_cast<double>(record.trial.microjoules) / 1e6 / runs;
  }

  double Net(const TrialRecord& record) const {
    return Gross(record) - IdleWatts() * record.window_seconds /
                               static_cast<double>(record.trial.runs);
  }

  template <typename Value>
  Interval Over(Value value) const {
    std::vector<double> samples;
    samples.reserve(records_.size());
    for (const TrialRecord& record : records_) samples.push_back(value(record));
    return MeanOf(samples);
  }

  Interval NetInterval() const {
    return Over([this](const TrialRecord& record) { return Net(record); });
  }

  bool IsPrecise() const {
    if (records_.size() < static_cast<size_t>(options_.least_trials)) {
      return false;
    }
    const Interval net = NetInterval();
    return net.mean > 0 && net.half_width <= options_.precision * net.mean;
  }

  Load LoadNow() {
    Load load;
    if (!host_.busy_seconds) return load;
    const absl::StatusOr<CounterReading> now = counter_.Read();
    const std::optional<double> busy = host_.busy_seconds();
    if (!now.ok() || !busy.has_value()) return load;
    load.steady_seconds = now->steady_seconds;
    load.busy = *busy;
    load.own = host_.own_seconds ? host_.own_seconds() : 0;
    load.workload = workload_.processor_seconds();
    return load;
  }

  void NoteLoad(const Load& begin, const Load& end) {
    const double seconds = end.steady_seconds - begin.steady_seconds;
    if (begin.busy < 0 || end.busy < 0 || begin.workload < 0 ||
        end.workload < 0 || seconds <= 0) {
      return;
    }
    const double others = ((end.busy - begin.busy) - (end.own - begin.own) -
                           (end.workload - begin.workload)) /
                          seconds;
    if (others < kNotedProcessors) return;
    result_.remarks.push_back(absl::StrFormat(
        "other processes kept %.2f processors busy meanwhile; their energy is "
        "in these numbers",
        others));
  }

  std::vector<DomainEnergy> Domains() const {
    std::vector<DomainEnergy> domains;
    for (size_t d = 0; d < counter_.domains().size(); ++d) {
      DomainEnergy domain;
      domain.domain = counter_.domains()[d];
      std::vector<double> samples;
      for (const TrialRecord& record : records_) {
        domain.microjoules =
            SaturatingSum(domain.microjoules, record.energy.microjoules[d]);
        for (const std::vector<double>& watts : record.energy.watts) {
          samples.push_back(watts[d]);
        }
      }
      domain.watts = Over([d](const TrialRecord& record) {
        return PerSecond(record.energy.microjoules[d], record.window_seconds);
      });
      if (!samples.empty()) {
        const auto [least, most] =
            std::minmax_element(samples.begin(), samples.end());
        domain.least_watts = *least;
        domain.most_watts = *most;
        domain.deviation_watts = DeviationOf(samples);
      }
      if (before_.is_known) {
        domain.idle_watts =
            (before_.domain_watts[d] + after_.domain_watts[d]) / 2;
      }
      domains.push_back(std::move(domain));
    }
    return domains;
  }

  Measurement Result() {
    Measurement& m = result_;
    m.counter = std::string(counter_.name());
    m.remarks.insert(m.remarks.begin(), counter_.remarks().begin(),
                     counter_.remarks().end());
    m.is_measured = !is_constant_;
    m.constant_watts = is_constant_ ? counter_.constant_watts() : 0;
    m.gross_joules =
        Over([this](const TrialRecord& record) { return Gross(record); });
    m.net_joules = NetInterval();
    m.seconds = Over([](const TrialRecord& record) {
      return record.trial.seconds / static_cast<double>(record.trial.runs);
    });
    m.gross_watts = Over([this](const TrialRecord& record) {
      return is_constant_
                 ? counter_.constant_watts()
                 : PerSecond(record.trial.microjoules, record.window_seconds);
    });
    m.idle_watts = IdleWatts();
    m.is_stable = IsPrecise();
    for (const TrialRecord& record : records_) m.trials.push_back(record.trial);
    m.domains = Domains();
    if (!is_constant_ && !before_.is_known) {
      m.remarks.push_back(
          "idling wasn't measured: net energy is the gross one");
    }
    if (std::abs(after_.watts - before_.watts) >
        kNotedIdleChange * IdleWatts()) {
      m.remarks.push_back(
          absl::StrFormat("idle power changed from %.2f W before to %.2f W "
                          "after; its mean is subtracted",
                          before_.watts, after_.watts));
    }
    if (!is_constant_ && window_ < counter_.least_window_seconds()) {
      m.remarks.push_back(absl::StrFormat(
          "windows of %g s are shorter than the %g s that counter %s wants",
          window_, counter_.least_window_seconds(), m.counter));
    }
    return std::move(result_);
  }

  Workload& workload_;
  EnergyCounter& counter_;
  const ProtocolOptions options_;
  ProtocolHost host_;
  double window_ = 0, idle_ = 0;
  bool is_constant_ = false;
  int64_t runs_ = 1;  // that fill a window
  Idle before_, after_;
  std::vector<TrialRecord> records_;
  Measurement result_;
};

}  // namespace

absl::StatusOr<Measurement> MeasureWorkload(Workload& workload,
                                            EnergyCounter& counter,
                                            const ProtocolOptions& options,
                                            const ProtocolHost& host) {
  return Protocol(workload, counter, options, host).Measure();
}

absl::Status Stability(const Measurement& measurement,
                       const ProtocolOptions& options) {
  if (measurement.is_stable) return absl::OkStatus();
  const Interval& net = measurement.net_joules;
  const std::string seen = absl::StrFormat(
      "unstable: after %d trials an inference takes %.4g J net, +-%.3g J at "
      "95 %% (gross %.4g +-%.3g J, idle %.4g W)",
      measurement.trials.size(), net.mean, net.half_width,
      measurement.gross_joules.mean, measurement.gross_joules.half_width,
      measurement.idle_watts);
  if (net.mean <= 0) {
    return absl::AbortedError(absl::StrCat(
        seen,
        "; running takes no more than idling: does the counter see the device "
        "that runs?"));
  }
  return absl::AbortedError(absl::StrFormat(
      "%s: %.2g %% where %.2g %% are asked for; what helps: nothing else "
      "running, a longer --window, more --trials, fixed processors (--cpus), "
      "or a --precision that is enough",
      seen, 100 * net.half_width / net.mean, 100 * options.precision));
}

}  // namespace opcost
