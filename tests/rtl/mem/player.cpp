// Plays lists of requests on all ports of the SRAM at once and notes when and with what each was answered.
// Compiled with the Verilated SRAM into a library that tests/rtl/mem/conftest.py loads; the records are NumPy dtypes there.
#include "Vtop.h"
#include "Vtop___024root.h"
#include <cstdint>
#include <cstring>

namespace {

enum Port { L0, L1, ST, SL, SS, MW, MR, FILL, PORTS };

struct Request {
    uint64_t data[8];
    uint64_t keep;      // loads: bytes to keep; stores: byte strobe; line writes: word strobe
    int64_t earliest;   // not offered before this cycle
    uint32_t addr[8];   // word addresses; lines in addr[0]
    uint32_t tag;
    uint8_t enable, thread, reg, unused;
};

struct Answer {
    int64_t accepted;   // cycle of valid and ready
    int64_t when[8];    // cycle of the return of each lane, or of done in when[0]
    uint64_t data[8];
    uint32_t info[8];   // thread | register << 8, or the tag
    int64_t lost;       // of a line: its lost words
};

struct Event {
    int64_t cycle;
    uint32_t addr;
    uint16_t count;     // corrected words, or 0
    uint8_t source, thread;
};

struct Script {
    const Request* requests[PORTS];
    Answer* answers[PORTS];
    int64_t count[PORTS];
    int64_t cycles;     // at most so many
    Event* events;
    int64_t event_limit;
    int64_t event_count;
    int64_t conflicts;
    uint32_t inject[4]; // by thread, as the control register
    int64_t strays;     // answers that nobody asked for
    int64_t surprises;  // reports of lost words that were not announced, or the reverse
};

struct Machine {
    Vtop top;
    int64_t cycle = 0;
};

void edge(Vtop& t) {
    t.clk = 1;
    t.eval();
    t.clk = 0;
    t.eval();
}

struct Side {
    const Request* requests;
    Answer* answers;
    int64_t count, next = 0;
    int64_t returned[8] = {}, strays = 0;
    bool offers(int64_t cycle) const { return next < count && requests[next].earliest <= cycle; }
    Answer* note(int lane, int64_t cycle, uint64_t data, uint32_t info) {
        if (returned[lane] >= next) {
            ++strays;
            return nullptr;
        }
        Answer& answer = answers[returned[lane]++];
        answer.when[lane] = cycle;
        answer.data[lane] = data;
        answer.info[lane] = info;
        return &answer;
    }
    void note_line(int64_t cycle, const void* line, uint32_t info) {
        if (Answer* answer = note(0, cycle, 0, info)) std::memcpy(answer->data, line, 64);
    }
};

}  // namespace

#define ADDRESSES(port, r)                                                                   \
    do {                                                                                     \
        uint32_t packed[5] = {};                                                             \
        for (int lane = 0; lane < 8; ++lane) {                                               \
            const uint64_t bits = uint64_t(r.addr[lane] & 0x3ffff) << (18 * lane % 32);      \
            packed[18 * lane / 32] |= uint32_t(bits);                                        \
            if (bits >> 32) packed[18 * lane / 32 + 1] |= uint32_t(bits >> 32);              \
        }                                                                                    \
        std::memcpy(&t.port##___05Faddr, packed, sizeof packed);                             \
    } while (0)

#define OFFER_LOAD(port, side)                                                               \
    t.port##___05Fvalid = side.offers(cycle);                                                \
    if (t.port##___05Fvalid) {                                                               \
        const Request& r = side.requests[side.next];                                         \
        t.port##___05Fthread = r.thread;                                                     \
        t.port##___05Freg = r.reg;                                                           \
        t.port##___05Fenable = r.enable;                                                     \
        t.port##___05Fkeep = r.keep;                                                         \
        ADDRESSES(port, r);                                                                  \
    }

#define LANE(port, side, lane)                                                               \
    if (t.port##___05Fret___05Fvalid >> lane & 1)                                            \
        side.note(lane, cycle, t.port##___05Fret___05Fdata___05F##lane,                      \
                  t.port##___05Fret___05Fthread___05F##lane | uint32_t(t.port##___05Fret___05Freg___05F##lane) << 8);

#define LANES(port, side)                                                                    \
    if (t.port##___05Fret___05Fvalid) {                                                      \
        LANE(port, side, 0) LANE(port, side, 1) LANE(port, side, 2) LANE(port, side, 3)      \
        LANE(port, side, 4) LANE(port, side, 5) LANE(port, side, 6) LANE(port, side, 7)      \
    }

#define LOST(thread)                                                                         \
    if (t.uncorrectable___05Fvalid >> thread & 1 && script->event_count < script->event_limit) \
        script->events[script->event_count++] = {cycle, t.uncorrectable___05Faddr___05F##thread, 0,   \
                                                 t.uncorrectable___05Fsource___05F##thread, thread};

// Lost words of a line are told in the cycle after its return.
#define LOST_LINE(port, name)                                                                \
    if (came[name]) side[name].answers[side[name].returned[0] - 1 - t.port##___05Fret___05Fvalid].lost = t.port##___05Fret___05Flost; \
    came[name] = t.port##___05Fret___05Fvalid;

#define TAKE(port, side)                                                                     \
    if (t.port##___05Fvalid && t.port##___05Fready) side.answers[side.next++].accepted = cycle;

extern "C" {

void* player_make() {
    auto* machine = new Machine;
    Vtop& t = machine->top;
    t.rst = 1;
    for (int i = 0; i < 4; ++i) edge(t);
    t.rst = 0;
    return machine;
}

void player_free(void* handle) { delete static_cast<Machine*>(handle); }

uint64_t* player_words(void* handle) {
#ifdef FLAT
    return &static_cast<Machine*>(handle)->top.rootp->SRAM__DOT__body__DOT__words[0];
#else
    return nullptr;
#endif
}

uint8_t* player_checks(void* handle) {
#ifdef FLAT
    return &static_cast<Machine*>(handle)->top.rootp->SRAM__DOT__body__DOT__checks[0];
#else
    return nullptr;
#endif
}

// Pulses reset and returns how many cycles `busy` stays high after it.
int64_t player_reset(void* handle) {
    auto& machine = *static_cast<Machine*>(handle);
    Vtop& t = machine.top;
    t.l0___05Fvalid = t.l1___05Fvalid = t.st___05Fvalid = t.sl___05Fvalid = 0;
    t.ss___05Fvalid = t.mw___05Fvalid = t.mr___05Fvalid = t.fill___05Fvalid = 0;
    t.rst = 1;
    edge(t);
    t.rst = 0;
    int64_t count = 0;
    for (t.eval(); t.busy && count < (1 << 20); ++count) edge(t);
    machine.cycle = 0;
    return count;
}

// Plays until everything is answered or `cycles` have passed; returns the cycles run.
int64_t player_run(void* handle, Script* script) {
    auto& machine = *static_cast<Machine*>(handle);
    Vtop& t = machine.top;
    Side side[PORTS];
    for (int port = 0; port < PORTS; ++port)
        side[port] = Side{script->requests[port], script->answers[port], script->count[port]};
    const int lanes[PORTS] = {8, 8, 1, 1, 1, 1, 1, 1};
    t.inject___05Fbits___05F0 = script->inject[0];
    t.inject___05Fbits___05F1 = script->inject[1];
    t.inject___05Fbits___05F2 = script->inject[2];
    t.inject___05Fbits___05F3 = script->inject[3];
    int64_t idle = 0;
    int64_t cycle = 0;
    bool came[PORTS] = {};
    uint32_t soon = 0;
    for (; cycle < script->cycles && idle < 8; ++cycle) {
        OFFER_LOAD(l0, side[L0]);
        OFFER_LOAD(l1, side[L1]);
        t.st___05Fvalid = side[ST].offers(cycle);
        if (t.st___05Fvalid) {
            const Request& r = side[ST].requests[side[ST].next];
            t.st___05Fenable = r.enable;
            ADDRESSES(st, r);
            std::memcpy(&t.st___05Fdata, r.data, 64);
            t.st___05Fstrobe = r.keep;
            t.st___05Ftag = r.tag;
        }
        t.sl___05Fvalid = side[SL].offers(cycle);
        if (t.sl___05Fvalid) {
            const Request& r = side[SL].requests[side[SL].next];
            t.sl___05Faddr = r.addr[0];
            t.sl___05Ftag = r.tag;
        }
        t.ss___05Fvalid = side[SS].offers(cycle);
        if (t.ss___05Fvalid) {
            const Request& r = side[SS].requests[side[SS].next];
            t.ss___05Faddr = r.addr[0];
            t.ss___05Fdata = r.data[0];
            t.ss___05Fstrobe = r.keep;
            t.ss___05Ftag = r.tag;
        }
        t.mw___05Fvalid = side[MW].offers(cycle);
        if (t.mw___05Fvalid) {
            const Request& r = side[MW].requests[side[MW].next];
            t.mw___05Fline = r.addr[0];
            std::memcpy(&t.mw___05Fdata, r.data, 64);
            t.mw___05Fstrobe = r.keep;
            t.mw___05Ftag = r.tag;
        }
        t.mr___05Fvalid = side[MR].offers(cycle);
        if (t.mr___05Fvalid) {
            const Request& r = side[MR].requests[side[MR].next];
            t.mr___05Fline = r.addr[0];
            t.mr___05Ftag = r.tag;
        }
        t.fill___05Fvalid = side[FILL].offers(cycle);
        if (t.fill___05Fvalid) t.fill___05Fline = side[FILL].requests[side[FILL].next].addr[0];

        // Outputs are flip-flops: they are this cycle's before the inputs are evaluated.
        LANES(l0, side[L0]);
        LANES(l1, side[L1]);
        if (t.st___05Fdone___05Fvalid) side[ST].note(0, cycle, 0, t.st___05Fdone___05Ftag);
        if (t.sl___05Fret___05Fvalid) side[SL].note(0, cycle, t.sl___05Fret___05Fdata, t.sl___05Fret___05Ftag);
        if (t.ss___05Fdone___05Fvalid) side[SS].note(0, cycle, 0, t.ss___05Fdone___05Ftag);
        if (t.mw___05Fdone___05Fvalid) side[MW].note(0, cycle, 0, t.mw___05Fdone___05Ftag);
        if (t.mr___05Fret___05Fvalid) side[MR].note_line(cycle, &t.mr___05Fret___05Fdata, t.mr___05Fret___05Ftag);
        if (t.fill___05Fret___05Fvalid) side[FILL].note_line(cycle, &t.fill___05Fret___05Fdata, 0);
        script->conflicts += t.conflicts___05Fcount;
        if (t.corrected___05Fvalid && script->event_count < script->event_limit)
            script->events[script->event_count++] = {cycle, t.corrected___05Faddr, t.corrected___05Fcount, 0, 0};
        LOST(0) LOST(1) LOST(2) LOST(3)
        if (t.uncorrectable___05Fvalid != soon) ++script->surprises;
        soon = t.uncorrectable___05Fsoon;
        LOST_LINE(mr, MR)
        LOST_LINE(fill, FILL)
        TAKE(l0, side[L0]) TAKE(l1, side[L1]) TAKE(st, side[ST]) TAKE(sl, side[SL])
        TAKE(ss, side[SS]) TAKE(mw, side[MW]) TAKE(mr, side[MR]) TAKE(fill, side[FILL])

        bool rest = true;
        for (int port = 0; port < PORTS && rest; ++port)
            for (int lane = 0; lane < lanes[port] && rest; ++lane) rest = side[port].returned[lane] >= side[port].count;
        idle = rest ? idle + 1 : 0;
        edge(t);
    }
    for (const Side& port : side) script->strays += port.strays;
    return cycle;
}

}  // extern "C"
