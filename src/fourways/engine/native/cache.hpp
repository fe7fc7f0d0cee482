// Keys and values of what each slot has read, and attention over them.
#pragma once

#include "matrices.hpp"

#include <cmath>

// In T, float or half. Keys lie in blocks of sixteen positions, so that sixteen scores are computed at once; values
// position by position. Memory is taken as it fills.
template <typename T> class Cache {
public:
    Cache(int layers, int slots, int groups, int head, int window)
        : layers(layers), slots(slots), groups(groups), head(head), window(window) {
        keys = pages<T>(size());
        values = pages<T>(size());
    }

    ~Cache() {
        munmap(keys, size() * sizeof(T));
        munmap(values, size() * sizeof(T));
    }

    Cache(const Cache&) = delete;
    Cache& operator=(const Cache&) = delete;

    // Keep one position's key and value of every group.
    void keep(int layer, int slot, int position, const float* key, const float* value) {
        for (int group = 0; group < groups; group++) {
            const size_t start = place(layer, slot, group);
            T* block = keys + start + (size_t)(position / LANES) * LANES * head + position % LANES;
            T* row = values + start + (size_t)position * head;
            for (int n = 0; n < head; n++) {
                put(block + (size_t)n * LANES, key[group * head + n]);
                put(row + n, value[group * head + n]);
            }
        }
    }

    // Let some heads of a group look at the first `seen` positions. `q`, already scaled, and `out` are (heads, head);
    // `scores` has room for the window and sixteen more.
    void attend(int layer, int slot, int group, int seen, int heads, const float* q, float* out, float* scores) const {
        const size_t start = place(layer, slot, group);
        for (int at = 0; at < heads; at++, q += head, out += head) {
            const float scale = 1.0f / weigh(keys + start, q, scores, seen);
            const T* v = values + start;
            int n = 0;
            for (; n + 4 * LANES <= head; n += 4 * LANES) mix<4>(v + n, head, scores, seen, scale, out + n);
            for (; n < head; n += LANES) mix<1>(v + n, head, scores, seen, scale, out + n);
        }
    }

    // Let a slot hold another's first positions.
    void copy(int source, int target, int length) {
        const size_t many = (size_t)up_to(length, LANES) * head * sizeof(T);
        for (int layer = 0; layer < layers; layer++)
            for (int group = 0; group < groups; group++) {
                memcpy(keys + place(layer, target, group), keys + place(layer, source, group), many);
                memcpy(values + place(layer, target, group), values + place(layer, source, group), many);
            }
    }

private:
    size_t place(int layer, int slot, int group) const {
        return (((size_t)layer * slots + slot) * groups + group) * window * head;
    }

    // Add up values by their weights, C sixteens of each.
    template <int C>
    static void mix(const T* values, int stride, const float* weights, int seen, float scale, float* out) {
        vec sum[C] = {};
        for (int at = 0; at < seen; at++, values += stride) {
            for (int c = 0; c < C; c += 2) __builtin_prefetch(values + c * LANES + AHEAD);
            for (int c = 0; c < C; c++) sum[c] += load(values + c * LANES) * weights[at];
        }
        for (int c = 0; c < C; c++) store(out + c * LANES, sum[c] * scale);
    }

    // Write e^(score - the highest) of each position; returns their sum.
    float weigh(const T* keys, const float* q, float* out, int seen) const {
        const int blocks = (seen + LANES - 1) / LANES;
        vec most = {};
        most -= INFINITY;
        for (int block = 0; block < blocks; block++) {
            const T* k = keys + (size_t)block * LANES * head;
            vec a = {}, b = {}, c = {}, d = {};
            for (int n = 0; n < head; n += 4) {
                __builtin_prefetch(k + (size_t)n * LANES + AHEAD);
                __builtin_prefetch(k + (size_t)n * LANES + AHEAD + 2 * LANES);
                a += load(k + (size_t)n * LANES) * q[n];
                b += load(k + (size_t)(n + 1) * LANES) * q[n + 1];
                c += load(k + (size_t)(n + 2) * LANES) * q[n + 2];
                d += load(k + (size_t)(n + 3) * LANES) * q[n + 3];
            }
            store(out + block * LANES, (a + b) + (c + d));
        }
        for (int at = seen; at < blocks * LANES; at++) out[at] = -INFINITY;
        for (int block = 0; block < blocks; block++) {
            const vec found = load(out + block * LANES);
            most = found > most ? found : most;
        }
        const float highest = largest(most);
        vec sum = {};
        for (int block = 0; block < blocks; block++) {
            vec found = exponential(load(out + block * LANES) - highest);
            store(out + block * LANES, found);
            if (block + 1 < blocks) sum += found;
            else
                for (int at = block * LANES; at < seen; at++) sum[at % LANES] += out[at];
        }
        return total(sum);
    }

    size_t size() const { return (size_t)layers * slots * groups * window * head; }

    static constexpr int AHEAD = 2048;  // numbers that are fetched before they are needed
    const int layers, slots, groups, head, window;
    T *keys, *values;
};
