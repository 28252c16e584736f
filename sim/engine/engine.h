// A machine: nodes, wires as a table says, and whoever is at its edges.
#pragma once

#include <verilated.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "loop.h"

#ifdef ENGINE_WAVES
// A model's own `trace` brings all models of its context into the file. Here those that are named, in the order in which they were made.
struct Context : VerilatedContext {
    static constexpr int ALL_LEVELS = 99;

    void trace(VerilatedTraceBaseC* wave, uint32_t count, const uint32_t* models) {
        for (uint32_t i = 0; i < count; ++i) m_ns.m_traceBaseModelCbs[models[i]](wave, ALL_LEVELS, 0);
    }
};
#else
using Context = VerilatedContext;
#endif

struct Engine {
    std::unique_ptr<Context> context{new Context};
    std::deque<Wire> wires;
    Loop loop;
    std::vector<std::unique_ptr<Edge>> edges;

    // Places are numbers: nodes from 0 on, then edges. A row of the table is a wire: place and port that send, place and port that receive.
    Engine(uint32_t nodes, uint32_t edges, uint32_t count, const uint32_t* table) : wires(count) {
        context->threads(1);
#ifdef ENGINE_WAVES
        context->traceEverOn(true);
#endif
        for (uint32_t i = 0; i < nodes; ++i) {
            const std::string name = nodes == 1 ? "TOP" : "node" + std::to_string(i);
            loop.nodes.emplace_back(new Node(context.get(), name.c_str()));
        }
        for (uint32_t i = 0; i < edges; ++i) this->edges.emplace_back(new Host);
        for (uint32_t i = 0; i < count; ++i, table += 4) {
            Wire& wire = wires[i];
            if (table[0] < nodes) loop.nodes[table[0]]->send(table[1], wire);
            else this->edges[table[0] - nodes]->to = &wire;
            if (table[2] < nodes) loop.nodes[table[2]]->receive(table[3], wire, table[0] >= nodes);
            else this->edges[table[2] - nodes]->from = &wire;
            if (table[0] >= nodes) facing.push_back({table[2], table[0] - nodes});
        }
        join_edges();
    }

    // Nodes are told who faces them; again after somebody else took an edge.
    void join_edges() {
        for (auto& node : loop.nodes) node->edges.clear();
        for (auto [node, edge] : facing) loop.nodes[node]->edges.push_back(edges[edge].get());
    }

    // Another at an edge than a host.
    void place(uint32_t number, std::unique_ptr<Edge> other) {
        other->to = edges[number]->to;
        other->from = edges[number]->from;
        edges[number] = std::move(other);
        join_edges();
    }

    void state(File& file) {
        file.value(loop.cycle);
        file.value(loop.quiet);
        for (auto& node : loop.nodes) node->state(file);
        for (auto& edge : edges) edge->state(file);
        for (Wire& wire : wires) {
            file.value(wire.shown);
            file.value(wire.carried);
        }
    }

  private:
    struct Facing {
        uint32_t node, edge;
    };
    std::vector<Facing> facing;
};
