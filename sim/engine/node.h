// A node: one Verilated instance of the design, its links and what is recorded of it.
#pragma once

#include <verilated.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "Vtop.h"
#ifdef ENGINE_RISING
#include "Vtop___024root.h"
#endif
#include "edge.h"
#include "state.h"
#include "wire.h"

class Node {
  public:
    Node(VerilatedContext* context, const char* name) : top(new Vtop(context, name)) {
#define BIND(p, ci, bi, ri, co, bo, ro)                                            \
    in[p] = {&top->ci, &top->bi[0], &top->ri};                                     \
    out[p] = {&top->co, &top->bo[0], &top->ro};
        FOR_EACH_LINK(BIND)
#undef BIND
        for (int p = 0; p < PORTS; ++p) {
            *in[p].control = 0;
            *out[p].credit = 0;
        }
    }
    ~Node() { top->final(); }

    // Straps stand before the clock runs.
    void reset() {
        top->clk = 0;
        top->rst = 1;
        top->eval();
        for (int i = 0; i < 4; ++i) {
            edge(1);
            edge(0);
        }
        top->rst = 0;
    }

    void edge(int level) {
        top->clk = level;
        top->eval();
    }

    // The second half of a cycle. Where nothing happens on a falling clock (ENGINE_RISING: no gated clocks), the model is only told
    // what the clock was.
    void low() {
#ifdef ENGINE_RISING
        top->clk = top->rootp->__Vtrigprevexpr___TOP__clk__0 = 0;
#else
        edge(0);
#endif
    }

    // First half of a cycle: whoever is at an edge acts, the instance gets what its neighbours show, and the clock rises.
    // Returns whether anything moves here.
    bool rise(uint64_t cycle) {
        if (tracing) record_trace(cycle);
        for (Edge* edge : edges) edge->step(cycle);
        uint32_t moves = shows | uint32_t(ACTIVITY((*top)));
        for (int p = 0; p < PORTS; ++p) {
            if (in[p].wire) {
                const Wire::Shown& shown = in[p].wire->at(cycle);
                in[p].turn(shown.control);
                *in[p].control = shown.control;
                if (in[p].due) std::copy(shown.body.begin(), shown.body.end(), in[p].body);
                moves |= shown.control & VALID;
            }
            if (out[p].wire) moves |= *out[p].credit = out[p].wire->at(cycle).credit;
        }
        if (recording) record_links();
        if (hopping) record_hops(cycle);
        still = moves ? 0 : still + 1;
        if (!at_rest()) edge(1);
        return moves;
    }

    // Second half: the clock falls, and what the flip-flops hold is shown in the next cycle.
    void fall(uint64_t cycle) {
        if (at_rest()) return;
        low();
        shows = 0;
        for (Link& link : out) {
            const uint32_t control = *link.control;
            link.turn(control);
            if (link.wire) {
                Wire::Shown& next = link.wire->at(cycle + 1);
                next.control = control;
                if (link.due) {
                    std::copy_n(link.body, BODY_WORDS, next.body.begin());
                    link.wire->carry(next.body);
                }
            }
            shows |= control & VALID;
        }
        for (Link& link : in) {
            if (link.wire) link.wire->at(cycle + 1).credit = *link.credit;
            shows |= *link.credit;
        }
    }

    // `resting`: an instance with links alone as its doors, and nothing on any of them for longer than anything takes to pass through it,
    // would be in the next cycle what it was in the last; it is passed over until something comes.
    bool resting = false, tracing = false, recording = false, hopping = false;
    std::vector<Edge*> edges;
    std::vector<uint32_t> trace;  // records: port, cycle low, cycle high, words...
    std::vector<uint32_t> links;  // by cycle and port: control, body, credit that come in, and that go out
    std::unique_ptr<Vtop> top;

    // `outside`: an edge sends on it.
    void receive(int port, Wire& wire, bool outside) {
        in[port].wire = &wire;
        in[port].outside = outside;
    }
    void send(int port, Wire& wire) { out[port].wire = &wire; }

    void state(File& file) {
        file.model(*top);
        for (Link* links : {in, out})
            for (int p = 0; p < PORTS; ++p) {
                file.value(links[p].due);
                file.value(links[p].soon);
            }
        file.value(still);
        file.value(shows);
    }

  private:
    static constexpr uint64_t LONGEST = 4;  // cycles that a packet takes through an instance that may rest

    struct Link {
        IData* control;
        uint32_t* body;
        CData* credit;
        Wire* wire = nullptr;
        uint32_t due = 0, soon = 0;  // control words of the body that stands on it, and of the one a cycle later; 0 when there is none
        bool outside = false;

        void turn(uint32_t control) {
            due = soon;
            soon = control & VALID ? control : 0;
        }
    };

    bool at_rest() const { return resting && still > LONGEST; }

    template <typename Value>
    void put_words(const Value& value, int words) {
        if constexpr (sizeof(Value) <= 8) {
            const uint64_t v = value;
            trace.push_back(static_cast<uint32_t>(v));
            if (words > 1) trace.push_back(static_cast<uint32_t>(v >> 32));
        } else {
            for (int i = 0; i < words; ++i) trace.push_back(value[i]);
        }
    }
    template <typename Value>
    static bool low_bit(const Value& value) {
        if constexpr (sizeof(Value) <= 8) return value & 1;
        else return value[0] & 1;
    }
    void record_trace(uint64_t cycle) {
        (void)cycle;
#define RECORD(id, member, words)                                                          \
    if (low_bit(top->member)) {                                                            \
        trace.insert(trace.end(), {id, uint32_t(cycle), uint32_t(cycle >> 32)});           \
        put_words(top->member, words);                                                     \
    }
        FOR_EACH_TRACE(RECORD)
#undef RECORD
    }

    // Packets that leave, and those that come from outside, as records like those of trace ports: in the cycle of the body, control word
    // and header.
    void record_hops(uint64_t cycle) {
        const auto hop = [&](int id, const Link& link) {
            if (!link.due) return;
            trace.insert(trace.end(), {uint32_t(id), uint32_t(cycle), uint32_t(cycle >> 32), link.due});
            trace.insert(trace.end(), link.body, link.body + HEADER_WORDS);
        };
        for (int p = 0; p < PORTS; ++p) {
            hop(TRACES + p, out[p]);
            if (in[p].outside) hop(TRACES + PORTS + p, in[p]);
        }
    }

    // Bodies folded to a word, 0 when none is due.
    void record_links() {
        const auto fold = [&](const Link& link, const uint32_t* body) {
            uint32_t total = 0;
            for (int i = 0; link.due && i < BODY_WORDS; ++i) total = (total << 1 | total >> 31) ^ body[i];
            return total;
        };
        for (int p = 0; p < PORTS; ++p) {
            links.insert(links.end(), {*in[p].control, fold(in[p], in[p].body), *out[p].credit});
            links.insert(links.end(), {*out[p].control, fold(out[p], out[p].body), *in[p].credit});
        }
    }

    Link in[PORTS], out[PORTS];
    uint64_t still = 0;   // cycles since anything moved on its links
    uint32_t shows = 0;   // what it put on its links in this cycle
};
