// SPDX-License-Identifier: Apache-2.0
// A measured run: what was run, where, and what it took.
#ifndef OPCOST_MEASURE_MEASUREMENT_H_
#define OPCOST_MEASURE_MEASUREMENT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "opcost/measure/counter.h"

namespace opcost {

// Half of Student's 95 % interval lies on each side of the mean.
struct Interval {
  double mean = 0;
  double half_width = 0;
};

// What the runner says that it runs.
struct RunnerDescription {
  std::string runtime;    // "onnxruntime"
  std::string version;    // "1.20.1"
  std::string device;     // "cpu", "cuda:0 NVIDIA H200"
  std::string precision;  // "float32"
  int threads = 0;        // 0: unknown
  std::vector<std::string>
      remarks;  // "weights are random: net.weights is absent"
};

// Seconds of one layer in one inference, as the runner measured them.
struct LayerTime {
  std::string name;
  std::string op;
  double seconds = 0;
};

// The machine as it was.
struct HostEnvironment {
  std::string host;       // a name, for comparing with a table's
  std::string processor;  // "AMD EPYC 9654"
  int processors = 0;     // logical ones
  std::string kernel;
  std::string governor;         // "performance"; empty: not known
  std::string turbo;            // "on", "off"; empty: not known
  std::string temperature;      // "52 C before, 61 C after"; empty: not known
  std::string virtual_machine;  // "kvm"; empty: none
  std::vector<int> affinity;    // processors that the runner may use
};

struct DomainEnergy {
  EnergyDomain domain;
  Interval watts;  // while running
  double least_watts = 0, most_watts = 0;
  double deviation_watts = 0;
  double idle_watts = 0;
  int64_t microjoules = 0;  // over all trials
};

struct Trial {
  int64_t runs = 0;
  double seconds = 0;
  int64_t microjoules = 0;  // summed domains, gross
};

// All of a measured run. Energies are of one inference.
struct Measurement {
  std::string counter;      // EnergyCounter::name()
  bool is_measured = true;  // false: constant watts that the user gave
  double constant_watts = 0;
  Interval gross_joules, net_joules, seconds, gross_watts;
  double idle_watts = 0;  // mean of before and after
  bool is_stable = true;
  std::vector<Trial> trials;
  std::vector<DomainEnergy> domains;
  std::vector<LayerTime> layers;  // empty: the runner has no times
  RunnerDescription runner;
  HostEnvironment environment;
  double modelled_memory_joules = 0;  // on request alone; not in the others
  std::vector<std::string> remarks;   // other load, unstable clock ...
};

}  // namespace opcost

#endif  // OPCOST_MEASURE_MEASUREMENT_H_
