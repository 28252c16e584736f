// What ends a model from within Verilator's own code ends the process, with one sentence: waves that cannot be written, an assertion,
// memory. Verilator's own way out flushes the waves first, which waits for ever for the lock of the writer that failed; its writer of FST
// aborts when it closes a file that took less than was written.
#include <verilated.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <unistd.h>

namespace {

[[noreturn]] void end(const char* what, const char* detail) {
    std::fflush(nullptr);
    std::fprintf(stderr, "the simulation cannot go on: %s%s\n", what, detail);
    std::fflush(stderr);
    _exit(70);
}

[[noreturn]] void terminated() {
    try {
        if (std::current_exception()) std::rethrow_exception(std::current_exception());
    } catch (const std::bad_alloc&) {
        end("the machine has no more memory for it", "");
    } catch (const std::exception& error) {
        end("", error.what());
    } catch (...) {
    }
    end("an error without a name", "");
}

void aborted(int) { end("a check in Verilator's own code failed; if waves are being written, is the disk full?", ""); }

const auto installed = (std::signal(SIGABRT, aborted), std::set_terminate(terminated));

}  // namespace

void vl_fatal(const char* filename, int, const char*, const char* msg) {
    if (filename && *filename) std::fprintf(stderr, "%s: ", filename);
    end(msg, "");
}

void vl_stop(const char* filename, int line, const char*) {
    std::fprintf(stderr, "%s:%d: ", filename, line);
    end("a $stop or an assertion of the design", "");
}
