// SPDX-License-Identifier: Apache-2.0
#include "src/measure/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "opcost/measure/load.h"

namespace opcost {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kKeptErrorBytes = 8192;
constexpr int kSliceMilliseconds = 50;  // between looks at the process
// What a process that is asked to end, or killed, may still take.
constexpr double kSecondsToEnd = 1, kSecondsToDie = 5;

// Groups that a signal has to end; 0: a free place. A handler may read them.
std::array<std::atomic<pid_t>, 16> live_groups{};

void Enlist(pid_t group) {
  for (std::atomic<pid_t>& place : live_groups) {
    pid_t free = 0;
    if (place.compare_exchange_strong(free, group)) return;
  }
}

void Strike(pid_t group) {
  for (std::atomic<pid_t>& place : live_groups) {
    pid_t own = group;
    if (place.compare_exchange_strong(own, 0)) return;
  }
}

void EndGroups(int signal) {
  for (const std::atomic<pid_t>& place : live_groups) {
    if (const pid_t group = place.load(); group > 0) kill(-group, SIGKILL);
  }
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

double SecondsUntil(Clock::time_point end) {
  return std::chrono::duration<double>(end - Clock::now()).count();
}

Clock::time_point After(double seconds) {
  return Clock::now() +
         std::chrono::duration_cast<Clock::duration>(
             std::chrono::duration<double>(std::clamp(seconds, 0.0, 1e8)));
}

void Close(int& descriptor) {
  if (descriptor >= 0) close(descriptor);
  descriptor = -1;
}

// Both ends of a pipe, closed by whoever leaves.
struct Pipe {
  int read = -1, write = -1;

  Pipe() = default;
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    Close(read);
    Close(write);
  }
  bool Open() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return false;
    read = ends[0];
    write = ends[1];
    return true;
  }
};

absl::Status Failed(absl::string_view what) {
  return absl::FailedPreconditionError(what);
}

absl::Status CantStart(absl::string_view command, int error) {
  return Failed(
      absl::StrCat("can't start '", command, "': ", std::strerror(error)));
}

// What the new process needs, made before there is one: between fork() and
// exec() nothing may take memory.
struct Launch {
  std::vector<char*> arguments;
  cpu_set_t cpus;
  bool has_cpus = false;
  int input = -1, output = -1, error = -1;  // descriptors to become 0, 1, 2
  int report = -1;                          // where errno goes if exec() fails
  pid_t parent = 0;
};

[[noreturn]] void RunChild(const Launch& launch) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  bool is_good = getppid() == launch.parent;
  if (is_good && launch.has_cpus) {
    is_good = sched_setaffinity(0, sizeof(launch.cpus), &launch.cpus) == 0;
  }
  is_good = is_good && dup2(launch.input, STDIN_FILENO) >= 0 &&
            dup2(launch.output, STDOUT_FILENO) >= 0 &&
            dup2(launch.error, STDERR_FILENO) >= 0;
  if (is_good) {
    std::signal(SIGPIPE, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    execvp(launch.arguments[0], launch.arguments.data());
  }
  const int error = errno;
  [[maybe_unused]] const ssize_t written =
      write(launch.report, &error, sizeof(error));
  _exit(127);
}

// Holds back the signal of a pipe that nobody reads, which would end us.
class PipeSignalBlock {
 public:
  PipeSignalBlock() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~PipeSignalBlock() {
    const timespec at_once{};
    if (!was_pending_) {
      while (sigtimedwait(&pipe_, nullptr, &at_once) < 0 && errno == EINTR) {
      }
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t pipe_, before_;
  bool was_pending_ = false;
};

void SetNonBlocking(int descriptor) {
  fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChildProcess>> ChildProcess::Start(
    const ChildOptions& options) {
  if (options.command.empty()) return Failed("an empty command");
  const std::string& name = options.command[0];
  Launch launch;
  for (const std::string& argument : options.command) {
    launch.arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  launch.arguments.push_back(nullptr);
  CPU_ZERO(&launch.cpus);
  for (const int cpu : options.cpus) {
    if (cpu < 0 || cpu >= CPU_SETSIZE) return CantStart(name, EINVAL);
    CPU_SET(static_cast<size_t>(cpu), &launch.cpus);
    launch.has_cpus = true;
  }
  Pipe input, output, error, report;
  if (!report.Open() || (options.has_pipes &&
                         (!input.Open() || !output.Open() || !error.Open()))) {
    return CantStart(name, errno);
  }
  if (!options.has_pipes) {
    input.read = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (input.read < 0) return CantStart(name, errno);
  }
  launch.input = input.read;
  launch.output = options.has_pipes ? output.write : STDERR_FILENO;
  launch.error = options.has_pipes ? error.write : STDERR_FILENO;
  launch.report = report.write;
  launch.parent = getpid();

  const pid_t pid = fork();
  if (pid < 0) return CantStart(name, errno);
  if (pid == 0) RunChild(launch);
  setpgid(pid, pid);  // whoever comes first
  Enlist(pid);
  std::unique_ptr<ChildProcess> child(new ChildProcess);
  child->pid_ = pid;
  Close(report.write);
  int failure = 0;
  ssize_t got = 0;
  do {
    got = read(report.read, &failure, sizeof(failure));
  } while (got < 0 && errno == EINTR);
  if (got == static_cast<ssize_t>(sizeof(failure))) {
    return launch.has_cpus && failure == EINVAL
               ? Failed(absl::StrCat("can't run '", name, "' on processors ",
                                     absl::StrJoin(options.cpus, ","),
                                     ": none of them may be used here"))
               : CantStart(name, failure);
  }
  if (options.has_pipes) {
    child->input_ = std::exchange(input.write, -1);
    child->output_ = std::exchange(output.read, -1);
    child->error_ = std::exchange(error.read, -1);
    for (const int end : {child->input_, child->output_, child->error_}) {
      SetNonBlocking(end);
    }
  }
  return child;
}

ChildProcess::~ChildProcess() {
  CloseInput();
  if (!has_ended_) {
    kill(-pid_, SIGKILL);
    WaitForEnd(kSecondsToDie);
    Strike(pid_);
  }
  Close(output_);
  Close(error_);
}

void ChildProcess::CloseInput() { Close(input_); }

absl::Status ChildProcess::WriteLine(absl::string_view line, double seconds) {
  const PipeSignalBlock block;
  const std::string text = absl::StrCat(line, "\n");
  const Clock::time_point end = After(seconds);
  size_t written = 0;
  while (written < text.size()) {
    const ssize_t put = input_ < 0 ? -1
                                   : write(input_, text.data() + written,
                                           text.size() - written);
    if (put > 0) {
      written += static_cast<size_t>(put);
      continue;
    }
    if (input_ < 0 || (errno != EAGAIN && errno != EINTR)) {
      WaitForEnd(kSecondsToEnd);
      return Failed("it reads no more");
    }
    if (SecondsUntil(end) <= 0)
      return Failed("it doesn't read what it is told");
    pollfd room{input_, POLLOUT, 0};
    poll(&room, 1, kSliceMilliseconds);
    Drain(0);  // it may wait for us to read
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<std::string>> ChildProcess::ReadLine(
    double seconds) {
  const Clock::time_point end = After(seconds);
  while (true) {
    const size_t length = lines_.find('\n');
    if (length != lines_.npos) {
      std::string line = lines_.substr(0, length);
      lines_.erase(0, length + 1);
      if (absl::EndsWith(line, "\r")) line.pop_back();
      return line;
    }
    if (lines_.size() > kMostLineBytes) {
      return Failed(absl::StrCat("it sent a line of more than ", kMostLineBytes,
                                 " bytes"));
    }
    if (output_ < 0) {
      // Its end and that of its output come in either order.
      return Failed(WaitForEnd(kSecondsToEnd) ? "it has ended"
                                              : "it has closed its output");
    }
    const double left = SecondsUntil(end);
    const bool had_ended = WaitForEnd(0);
    const size_t had = lines_.size();
    Drain(std::clamp(static_cast<int>(left * 1000) + 1, 0, kSliceMilliseconds));
    // What it started may hold its pipes open for ever.
    if (had_ended && lines_.size() == had) return Failed("it has ended");
    if (lines_.size() == had && left <= 0) return std::nullopt;
  }
}

bool ChildProcess::WaitForEnd(double seconds) {
  const Clock::time_point end = After(seconds);
  while (!has_ended_) {
    NoteEnd();
    if (has_ended_ || SecondsUntil(end) <= 0) break;
    if (output_ >= 0 || error_ >= 0) {
      Drain(std::min(kSliceMilliseconds,
                     static_cast<int>(SecondsUntil(end) * 1000) + 1));
    } else {
      AwaitEnd(std::min(1.0, SecondsUntil(end)));
    }
  }
  return has_ended_;
}

void ChildProcess::AwaitEnd(double seconds) const {
  // Linux 5.3 has it; without, a look every few milliseconds must do.
  const int descriptor = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  if (descriptor < 0) {
    usleep(2000);
    return;
  }
  pollfd ended{descriptor, POLLIN, 0};
  poll(&ended, 1, static_cast<int>(seconds * 1000) + 1);
  close(descriptor);
}

void ChildProcess::NoteEnd() {
  siginfo_t info{};
  const id_t pid = static_cast<id_t>(pid_);
  if (waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0) {
    if (info.si_pid == 0) return;
  } else if (errno == EINTR) {
    return;
  }
  has_ended_ = true;
  // What it left behind, before its number can be given again.
  kill(-pid_, SIGKILL);
  Strike(pid_);
  int status = 0;
  if (waitpid(pid_, &status, 0) == pid_) {
    exit_status_ =
        WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
}

void ChildProcess::Take(int& descriptor, std::string& buffer) {
  std::array<char, 65536> bytes;
  const ssize_t got = read(descriptor, bytes.data(), bytes.size());
  if (got > 0) {
    buffer.append(bytes.data(), static_cast<size_t>(got));
  } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
    Close(descriptor);
  }
}

void ChildProcess::Drain(int milliseconds) {
  // Beyond a line's limit it has to wait until someone reads.
  const bool takes_lines = lines_.size() <= kMostLineBytes;
  std::array<pollfd, 2> ends = {pollfd{takes_lines ? output_ : -1, POLLIN, 0},
                                pollfd{error_, POLLIN, 0}};
  if (poll(ends.data(), ends.size(), milliseconds) <= 0) return;
  if (ends[0].revents != 0) Take(output_, lines_);
  if (ends[1].revents != 0) {
    Take(error_, errors_);
    if (errors_.size() > 2 * kKeptErrorBytes) {
      errors_.erase(0, errors_.size() - kKeptErrorBytes);
    }
  }
}

double ChildProcess::ProcessorSeconds() const {
  return has_ended_ ? -1 : ProcessSeconds(pid_).value_or(-1);
}

std::string ChildProcess::LastErrors() {
  constexpr size_t kLines = 5;
  if (error_ >= 0) Drain(0);
  std::vector<absl::string_view> lines =
      absl::StrSplit(errors_, absl::ByAnyChar("\r\n"), absl::SkipWhitespace());
  if (lines.size() > kLines) {
    lines.erase(lines.begin(),
                lines.end() - static_cast<std::ptrdiff_t>(kLines));
  }
  std::string text = absl::StrJoin(lines, " | ");
  constexpr size_t kMost = 1000;
  if (text.size() > kMost) text.erase(0, text.size() - kMost);
  return text;
}

void EndChildrenOnSignals() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    // One that is ignored (nohup) stays so.
    struct sigaction before {};
    if (sigaction(signal, nullptr, &before) != 0) continue;
    if (before.sa_handler == SIG_DFL) std::signal(signal, &EndGroups);
  }
}

}  // namespace opcost
