// N Verilated nodes in lockstep, each with a host at its edge link. Knows wires, not packets: a control word, a body, a credit.
//
// A cycle: read what the nodes' flip-flops show, decide what the hosts drive, one clock edge. Every crossing wire is a flip-flop on
// both sides, so the order in which nodes are visited cannot matter.
#include <verilated.h>
#ifdef ENGINE_SAVE
#include <verilated_save.h>
#endif
#ifdef ENGINE_FST
#include <verilated_fst_c.h>
using Wave = VerilatedFstC;
#elif defined(ENGINE_VCD)
#include <verilated_vcd_c.h>
using Wave = VerilatedVcdC;
#endif

#include <array>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "Vtop.h"
#include "ports.h"  // generated: BODY_WORDS, CHANNELS, CREDITS, and the trace ports

namespace {

struct Packet {
    uint32_t control;
    std::array<uint32_t, BODY_WORDS> body;
};

struct Node {
    std::unique_ptr<Vtop> top;
    std::deque<Packet> sending, received;
    std::array<int, CHANNELS> credits;
    Packet on_wire{};         // its control word was driven in the last cycle, its body is due
    uint32_t arriving = 0;    // control word seen in the last cycle
    bool body_due = false;
    uint64_t quiet = 0;       // cycles since anything retired or moved
};

struct Engine {
    std::unique_ptr<VerilatedContext> context{new VerilatedContext};
    std::vector<Node> nodes;
    uint64_t cycle = 0;
    std::vector<uint32_t> trace;  // records: port, cycle low, cycle high, node, words...
    bool tracing = false;
#if defined(ENGINE_FST) || defined(ENGINE_VCD)
    std::unique_ptr<Wave> wave;
#endif
};

#define JOIN2(a, b) a##___05F##b
#define PORT(bundle, field) JOIN2(bundle, field)

template <typename Value>
void put_words(std::vector<uint32_t>& out, const Value& value, int words) {
    if constexpr (sizeof(Value) <= 8) {
        const uint64_t v = value;
        out.push_back(static_cast<uint32_t>(v));
        if (words > 1) out.push_back(static_cast<uint32_t>(v >> 32));
    } else {
        for (int i = 0; i < words; ++i) out.push_back(value[i]);
    }
}

template <typename Value>
bool low_bit(const Value& value) {
    if constexpr (sizeof(Value) <= 8) return value & 1;
    else return value[0] & 1;
}

void record_trace(Engine& e, uint32_t index, Vtop& top) {
#define RECORD(id, member, words)                                                            \
    if (low_bit(top.member)) {                                                               \
        e.trace.insert(e.trace.end(), {id, uint32_t(e.cycle), uint32_t(e.cycle >> 32), index}); \
        put_words(e.trace, top.member, words);                                               \
    }
    FOR_EACH_TRACE(RECORD)
#undef RECORD
}

void exchange(Engine& e, Node& node, uint32_t index) {
    Vtop& top = *node.top;
    if (e.tracing) record_trace(e, index, top);
    // What the node sends: the body follows its control word by one cycle; the credit goes back at once.
    uint32_t credit = 0;
    if (node.arriving) {
        Packet packet{node.arriving, {}};
        for (int i = 0; i < BODY_WORDS; ++i) packet.body[i] = top.PORT(tx, body)[i];
        credit = node.arriving & ((1u << CHANNELS) - 1);
        node.received.push_back(packet);
    }
    const uint32_t control = top.PORT(tx, control);
    node.arriving = control & ((1u << CHANNELS) - 1) ? control : 0;
    top.PORT(tx, credit) = credit;
    // What the host sends, while the node's buffers have room.
    for (int v = 0; v < CHANNELS; ++v) node.credits[v] += (top.PORT(rx, credit) >> v) & 1;
    if (node.body_due) {
        for (int i = 0; i < BODY_WORDS; ++i) top.PORT(rx, body)[i] = node.on_wire.body[i];
    }
    node.body_due = false;
    uint32_t drive = 0;
    if (!node.sending.empty()) {
        const int channel = __builtin_ctz(node.sending.front().control);
        if (node.credits[channel] > 0) {
            --node.credits[channel];
            node.on_wire = node.sending.front();
            node.sending.pop_front();
            drive = node.on_wire.control;
            node.body_due = true;
        }
    }
    top.PORT(rx, control) = drive;
    node.quiet = top.PORT(activity, busy) || drive ? 0 : node.quiet + 1;
}

void edge(Engine& e) {
    for (auto& node : e.nodes) {
        node.top->clk = 1;
        node.top->eval();
    }
#if defined(ENGINE_FST) || defined(ENGINE_VCD)
    if (e.wave) e.wave->dump(10 * e.cycle);
#endif
    for (auto& node : e.nodes) {
        node.top->clk = 0;
        node.top->eval();
    }
#if defined(ENGINE_FST) || defined(ENGINE_VCD)
    if (e.wave) e.wave->dump(10 * e.cycle + 5);
#endif
    ++e.cycle;
}

}  // namespace

extern "C" {

Engine* engine_new(uint32_t count) {
    auto* e = new Engine;
    e->context->threads(1);
#if defined(ENGINE_FST) || defined(ENGINE_VCD)
    e->context->traceEverOn(true);
#endif
    e->nodes.resize(count);
    for (auto& node : e->nodes) {
        node.top.reset(new Vtop(e->context.get()));
        node.credits.fill(CREDITS);
        node.top->clk = 0;
        node.top->rst = 1;
        node.top->PORT(rx, control) = 0;
        node.top->PORT(tx, credit) = 0;
        node.top->eval();
    }
    for (int i = 0; i < 4; ++i) edge(*e);
    for (auto& node : e->nodes) node.top->rst = 0;
    e->cycle = 0;
    return e;
}

void engine_delete(Engine* e) {
#if defined(ENGINE_FST) || defined(ENGINE_VCD)
    if (e->wave) e->wave->close();
#endif
    for (auto& node : e->nodes) node.top->final();
    delete e;
}

void engine_send(Engine* e, uint32_t node, uint32_t count, const uint32_t* words) {
    for (uint32_t i = 0; i < count; ++i, words += 1 + BODY_WORDS) {
        Packet packet{words[0], {}};
        std::memcpy(packet.body.data(), words + 1, sizeof packet.body);
        e->nodes[node].sending.push_back(packet);
    }
}

uint32_t engine_received(Engine* e, uint32_t node) { return e->nodes[node].received.size(); }

void engine_take(Engine* e, uint32_t node, uint32_t count, uint32_t* words) {
    for (uint32_t i = 0; i < count; ++i, words += 1 + BODY_WORDS) {
        const Packet& packet = e->nodes[node].received.front();
        words[0] = packet.control;
        std::memcpy(words + 1, packet.body.data(), sizeof packet.body);
        e->nodes[node].received.pop_front();
    }
}

uint64_t engine_cycle(Engine* e) { return e->cycle; }

// Runs until `cycles` have passed, node `node` has `packets` packets for its host, or every node was quiet for `quiet` cycles.
// Returns 0, 1 or 2 for which of them ended the run.
uint32_t engine_run(Engine* e, uint64_t cycles, uint32_t node, uint32_t packets, uint64_t quiet) {
    const uint64_t end = e->cycle + cycles;
    while (e->cycle < end) {
        bool moves = false;
        for (uint32_t i = 0; i < e->nodes.size(); ++i) {
            exchange(*e, e->nodes[i], i);
            moves |= e->nodes[i].quiet < quiet;
        }
        edge(*e);
        if (packets && e->nodes[node].received.size() >= packets) return 1;
        if (!moves) return 2;
    }
    return 0;
}

void engine_set_trace(Engine* e, uint32_t on) { e->tracing = on; }
uint64_t engine_trace_size(Engine* e) { return e->trace.size(); }
void engine_take_trace(Engine* e, uint32_t* words) {
    std::memcpy(words, e->trace.data(), e->trace.size() * sizeof(uint32_t));
    e->trace.clear();
}

uint32_t engine_waves(Engine* e, const char* path) {
#if defined(ENGINE_FST) || defined(ENGINE_VCD)
    e->wave.reset(new Wave);
    e->nodes[0].top->trace(e->wave.get(), 99);
    e->wave->open(path);
    return e->wave->isOpen();
#else
    (void)e, (void)path;
    return 0;
#endif
}

#ifdef ENGINE_SAVE
static void save_packets(VerilatedSerialize& os, const std::deque<Packet>& packets) {
    uint64_t count = packets.size();
    os.write(&count, sizeof count);
    for (const auto& packet : packets) os.write(&packet, sizeof packet);
}
static void restore_packets(VerilatedDeserialize& os, std::deque<Packet>& packets) {
    uint64_t count = 0;
    os.read(&count, sizeof count);
    packets.resize(count);
    for (auto& packet : packets) os.read(&packet, sizeof packet);
}
#endif

// 1 when the state of all nodes, hosts and wires is in the file; 0 when it could not be written or read.
uint32_t engine_save(Engine* e, const char* path) {
#ifdef ENGINE_SAVE
    VerilatedSave os;
    os.open(path);
    if (!os.isOpen()) return 0;
    os.write(&e->cycle, sizeof e->cycle);
    for (auto& node : e->nodes) {
        os << *node.top;
        save_packets(os, node.sending);
        save_packets(os, node.received);
        os.write(&node.credits, sizeof node.credits);
        os.write(&node.on_wire, sizeof node.on_wire);
        os.write(&node.arriving, sizeof node.arriving);
        os.write(&node.body_due, sizeof node.body_due);
        os.write(&node.quiet, sizeof node.quiet);
    }
    os.close();
    return 1;
#else
    (void)e, (void)path;
    return 0;
#endif
}

uint32_t engine_restore(Engine* e, const char* path) {
#ifdef ENGINE_SAVE
    VerilatedRestore os;
    os.open(path);
    if (!os.isOpen()) return 0;
    os.read(&e->cycle, sizeof e->cycle);
    for (auto& node : e->nodes) {
        os >> *node.top;
        restore_packets(os, node.sending);
        restore_packets(os, node.received);
        os.read(&node.credits, sizeof node.credits);
        os.read(&node.on_wire, sizeof node.on_wire);
        os.read(&node.arriving, sizeof node.arriving);
        os.read(&node.body_due, sizeof node.body_due);
        os.read(&node.quiet, sizeof node.quiet);
    }
    os.close();
    return 1;
#else
    (void)e, (void)path;
    return 0;
#endif
}
}
