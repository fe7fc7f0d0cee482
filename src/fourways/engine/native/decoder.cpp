// The Llama family, decoded: rows of tokens in, logits out, keys and values kept in slots. Called from native.py.

#include "matrices.hpp"
#include "threads.hpp"

#include <algorithm>
#include <cmath>
#include <map>

extern "C" struct Shape {
    int vocabulary, width, layers, heads, keys, head, hidden, window, slots, threads, rows, halves;
    float epsilon;
};

struct Low {  // what an adapter adds to one of the seven matrices of a layer: up · down
    int rank = 0, inputs = 0, outputs = 0;
    std::vector<float> down, up;
};

struct Layer {
    Matrix qkv, out, gate_up, down;
    std::vector<float> before, between, bias;
};

typedef std::vector<Low> Adapter;  // layer by layer, seven each

enum { Q, K, V, O, GATE, UP, DOWN, MODULES };
enum { QKV, OUT, GATE_UP, DOWNWARD, HEAD };

class Decoder {
public:
    explicit Decoder(const Shape& shape)
        : shape(shape), layers(shape.layers), team(shape.threads),
          window(up_to(shape.window, LANES)), query(shape.heads * shape.head), key(shape.keys * shape.head) {
#ifdef TILES
        tiles = shape.halves && tiles_allowed();
#endif
        const size_t kept = (size_t)shape.layers * shape.slots * shape.keys * window * shape.head;
        if (shape.halves) half_keys = pages<half>(kept), half_values = pages<half>(kept);
        else float_keys = pages<float>(kept), float_values = pages<float>(kept);
        const int rows = up_to(shape.rows, 32);
        x.resize((size_t)rows * shape.width);
        wide = std::max(query + 2 * key, 2 * shape.hidden);
        sums.resize((size_t)rows * wide);
        deep = up_to(std::max({shape.width, query, shape.hidden}), 32) + 32;  // no power of two: rows share no cache lines' places
        floats.resize((size_t)rows * deep + LANES);
        halves.resize((size_t)rows * deep + 64);
        scores.resize((size_t)(shape.heads / shape.keys) * (window + LANES) * shape.threads);
    }

    ~Decoder() {
        for (auto& layer : layers)
            for (Matrix* matrix : {&layer.qkv, &layer.out, &layer.gate_up, &layer.down}) matrix->release();
        head.release();
        const size_t kept = (size_t)shape.layers * shape.slots * shape.keys * window * shape.head;
        if (half_keys) munmap(half_keys, kept * sizeof(half)), munmap(half_values, kept * sizeof(half));
        if (float_keys) munmap(float_keys, kept * sizeof(float)), munmap(float_values, kept * sizeof(float));
    }

    void forward(int count, const int* tokens, const int* slots, const int* positions, const int* numbers, int asked,
                 const int* wanted, float* logits, bool helped) {
        const size_t width = shape.width;
        Pass pass{this, count, slots, positions, numbers};
        team.begin(helped);
        pass.rows([&](int row) { embed(tokens[row], &x[row * width]); });
        for (int at = 0; at < shape.layers; at++) pass.layer(at);
        if (asked) {
            team.share(asked, [&](int n, int) { norm(&x[wanted[n] * width], last.data(), n); });
            pass.multiply(head, asked, logits, shape.vocabulary, false);
        }
        team.end();
#ifdef TILES
        if (tiles) release_tiles();
#endif
    }

    void copy(int source, int target, int length) {
        if (half_keys) copy_in(half_keys, half_values, source, target, length);
        else copy_in(float_keys, float_values, source, target, length);
    }

    const Shape shape;
    std::vector<Layer> layers;
    std::map<int, Adapter> adapters;
    Matrix head;
    std::vector<float> last, cos, sin;
    const void* embedding = nullptr;
    bool tiles = false;

private:
    static constexpr int AHEAD = 2048;  // numbers that are fetched before they are needed
    // What is read in one pass, part by part.
    struct Pass {
        Decoder* own;
        int count;
        const int *slots, *positions, *numbers;

        template <typename Work> void rows(const Work& work) {
            own->team.share(count, [&](int row, int) { work(row); });
        }

        void multiply(const Matrix& matrix, int count, float* out, int width, bool add) {
            const Rows from{own->floats.data(), own->halves.data(), own->deep};
            own->team.share(matrix.blocks(), [&](int block, int) {
#ifdef TILES
                if (own->tiles) return multiply_tiles(matrix, block, from, count, out, width, add);
#endif
                multiply_block(matrix, block, from, count, out, width, add);
            });
        }

        // Add to some outputs of each row what its adapter adds there.
        void adapt(int layer, std::initializer_list<int> modules, float* out, int width) {
            if (own->adapters.empty()) return;
            rows([&](int row) {
                const auto found = own->adapters.find(numbers[row]);
                if (found == own->adapters.end()) return;
                float* at = out + (size_t)row * width;
                for (int module : modules) {
                    const Low& low = found->second[layer * MODULES + module];
                    if (low.rank) low_product(low, &own->floats[(size_t)row * own->deep], at);
                    at += own->outputs_of(module);
                }
            });
        }

        void layer(int at) {
            Layer& layer = own->layers[at];
            const Shape& shape = own->shape;
            const size_t width = shape.width, wide = own->query + 2 * own->key;
            float *x = own->x.data(), *sums = own->sums.data();
            rows([&](int row) { own->norm(x + row * width, layer.before.data(), row); });
            multiply(layer.qkv, count, sums, wide, false);
            adapt(at, {Q, K, V}, sums, wide);
            rows([&](int row) { own->turn_and_keep(layer, at, sums + row * wide, slots[row], positions[row]); });
            own->team.share(count * shape.keys, [&](int n, int seat) {
                const int row = n / shape.keys, group = n % shape.keys;
                own->attend(at, sums + row * wide, slots[row], positions[row], group, row, seat);
            });
            rows([&](int row) { own->halve(row, own->query); });
            multiply(layer.out, count, x, width, true);
            adapt(at, {O}, x, width);
            rows([&](int row) { own->norm(x + row * width, layer.between.data(), row); });
            multiply(layer.gate_up, count, sums, 2 * shape.hidden, false);
            adapt(at, {GATE, UP}, sums, 2 * shape.hidden);
            rows([&](int row) { own->gate(sums + (size_t)row * 2 * shape.hidden, row); });
            multiply(layer.down, count, x, width, true);
            adapt(at, {DOWN}, x, width);
        }
    };

    void embed(int token, float* out) const {
        for (int n = 0; n < shape.width; n++)
            out[n] = shape.halves ? to_float(((const half*)embedding)[(size_t)token * shape.width + n])
                                  : ((const float*)embedding)[(size_t)token * shape.width + n];
    }

    void norm(const float* from, const float* weight, int row) {
        float* out = &floats[(size_t)row * deep];
        vec squares = {};
        int n = 0;
        for (; n + LANES <= shape.width; n += LANES) squares += load(from + n) * load(from + n);
        float sum = total(squares);
        for (; n < shape.width; n++) sum += from[n] * from[n];
        const float scale = 1.0f / std::sqrt(sum / shape.width + shape.epsilon);
        for (int n = 0; n < shape.width; n++) out[n] = from[n] * scale * weight[n];
        halve(row, shape.width);
    }

    // Fill a row up with zeros to whole tiles, and write it in bfloat16 where tiles read it.
    void halve(int row, int width) {
        float* from = &floats[(size_t)row * deep];
        const int depth = up_to(width, 32);
        std::fill(from + width, from + depth, 0.0f);
        if (!tiles) return;
        half* out = &halves[(size_t)row * deep];
        for (int n = 0; n < depth; n += LANES) store(out + n, load(from + n));
    }

    int outputs_of(int module) const {
        switch (module) {
        case Q: return query;
        case K:
        case V: return key;
        case GATE:
        case UP: return shape.hidden;
        default: return shape.width;
        }
    }

    static void low_product(const Low& low, const float* x, float* out) {
        for (int r = 0; r < low.rank; r++) {
            const float* down = &low.down[(size_t)r * low.inputs];
            vec sum = {};
            int k = 0;
            for (; k + LANES <= low.inputs; k += LANES) sum += load(down + k) * load(x + k);
            float inner = total(sum);
            for (; k < low.inputs; k++) inner += down[k] * x[k];
            const float* up = &low.up[(size_t)r * low.outputs];
            for (int n = 0; n < low.outputs; n++) out[n] += inner * up[n];
        }
    }

    size_t place(int layer, int slot, int group) const {
        return (((size_t)layer * shape.slots + slot) * shape.keys + group) * window * shape.head;
    }

    void turn(float* heads, int count, int position) const {
        const int pairs = shape.head / 2;
        const float *c = &cos[(size_t)position * pairs], *s = &sin[(size_t)position * pairs];
        for (int n = 0; n < count; n++, heads += shape.head)
            for (int pair = 0; pair < pairs; pair++) {
                const float a = heads[pair], b = heads[pair + pairs];
                heads[pair] = a * c[pair] - b * s[pair];
                heads[pair + pairs] = b * c[pair] + a * s[pair];
            }
    }

    void turn_and_keep(const Layer& layer, int at, float* qkv, int slot, int position) {
        for (size_t n = 0; n < layer.bias.size(); n++) qkv[n] += layer.bias[n];
        turn(qkv, shape.heads + shape.keys, position);
        const float scale = 1.0f / std::sqrt((float)shape.head);
        for (int n = 0; n < query; n++) qkv[n] *= scale;
        if (half_keys) keep(half_keys, half_values, at, qkv + query, slot, position);
        else keep(float_keys, float_values, at, qkv + query, slot, position);
    }

    // Keys lie in blocks of sixteen positions, so that sixteen scores are computed at once; values position by position.
    template <typename T> void keep(T* keys, T* values, int layer, const float* from, int slot, int position) {
        for (int group = 0; group < shape.keys; group++) {
            const size_t start = place(layer, slot, group);
            T* block = keys + start + (size_t)(position / LANES) * LANES * shape.head + position % LANES;
            T* row = values + start + (size_t)position * shape.head;
            for (int n = 0; n < shape.head; n++) {
                put(block + (size_t)n * LANES, from[group * shape.head + n]);
                put(row + n, from[key + group * shape.head + n]);
            }
        }
    }

    void attend(int layer, const float* qkv, int slot, int position, int group, int row, int seat) {
        if (half_keys) attend_in(half_keys, half_values, layer, qkv, slot, position, group, row, seat);
        else attend_in(float_keys, float_values, layer, qkv, slot, position, group, row, seat);
    }

    template <typename T>
    void attend_in(const T* keys, const T* values, int layer, const float* qkv, int slot, int position, int group,
                   int row, int seat) {
        const int heads = shape.heads / shape.keys, size = shape.head, seen = position + 1;
        const size_t start = place(layer, slot, group);
        float* mine = &scores[(size_t)seat * heads * (window + LANES)];
        for (int head = 0; head < heads; head++) {
            const float* q = qkv + (size_t)(group * heads + head) * size;
            float* out = &floats[(size_t)row * deep + (size_t)(group * heads + head) * size];
            const float scale = 1.0f / weigh(keys + start, q, mine, seen);
            int n = 0;
            for (; n + 4 * LANES <= size; n += 4 * LANES) mix<4>(values + start + n, size, mine, seen, scale, out + n);
            for (; n < size; n += LANES) mix<1>(values + start + n, size, mine, seen, scale, out + n);
        }
    }

    // Add up values by their weights, C sixteens of each.
    template <int C, typename T>
    static void mix(const T* values, int stride, const float* weights, int seen, float scale, float* out) {
        vec sum[C] = {};
        for (int at = 0; at < seen; at++, values += stride) {
            for (int c = 0; c < C; c += 2) __builtin_prefetch(values + c * LANES + AHEAD);
            for (int c = 0; c < C; c++) sum[c] += load(values + c * LANES) * weights[at];
        }
        for (int c = 0; c < C; c++) store(out + c * LANES, sum[c] * scale);
    }

    // Write e^(score - the highest) of each position; returns their sum.
    template <typename T> float weigh(const T* keys, const float* q, float* out, int seen) const {
        const int blocks = (seen + LANES - 1) / LANES;
        vec most = {};
        most -= INFINITY;
        for (int block = 0; block < blocks; block++) {
            const T* k = keys + (size_t)block * LANES * shape.head;
            vec a = {}, b = {}, c = {}, d = {};
            for (int n = 0; n < shape.head; n += 4) {
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

    void gate(const float* from, int row) {
        float* out = &floats[(size_t)row * deep];
        int n = 0;
        for (; n + LANES <= shape.hidden; n += LANES) {
            const vec gate = load(from + n);
            store(out + n, gate / (1.0f + exponential(-gate)) * load(from + shape.hidden + n));
        }
        for (; n < shape.hidden; n++) out[n] = from[n] / (1.0f + std::exp(-from[n])) * from[shape.hidden + n];
        halve(row, shape.hidden);
    }

    template <typename T> void copy_in(T* keys, T* values, int source, int target, int length) {
        const size_t many = (size_t)up_to(length, LANES) * shape.head * sizeof(T);
        for (int layer = 0; layer < shape.layers; layer++)
            for (int group = 0; group < shape.keys; group++) {
                memcpy(keys + place(layer, target, group), keys + place(layer, source, group), many);
                memcpy(values + place(layer, target, group), values + place(layer, source, group), many);
            }
    }

    Team team;
    const int window, query, key;
    int wide = 0, deep = 0;
    half *half_keys = nullptr, *half_values = nullptr;
    float *float_keys = nullptr, *float_values = nullptr;
    std::vector<float> x, sums, floats, scores;
    std::vector<half> halves;
};

extern "C" {

Decoder* fourways_new(const Shape* shape, const float* cos, const float* sin, const void* embedding, const float* last) {
    auto* decoder = new Decoder(*shape);
    const size_t turns = (size_t)shape->window * shape->head / 2;
    decoder->cos.assign(cos, cos + turns), decoder->sin.assign(sin, sin + turns);
    decoder->last.assign(last, last + shape->width);
    decoder->embedding = embedding;
    return decoder;
}

void fourways_free(Decoder* decoder) { delete decoder; }

int fourways_tiles(const Decoder* decoder) { return decoder->tiles; }

void fourways_matrix(Decoder* decoder, int layer, int part, const void* from, int outputs, int inputs) {
    Matrix* matrix = &decoder->head;
    if (part != HEAD) {
        Layer& own = decoder->layers[layer];
        Matrix* four[] = {&own.qkv, &own.out, &own.gate_up, &own.down};
        matrix = four[part];
    }
    if (decoder->shape.halves) matrix->pack((const half*)from, outputs, inputs);
    else matrix->pack((const float*)from, outputs, inputs);
}

void fourways_norms(Decoder* decoder, int layer, const float* before, const float* between, const float* bias, int biases) {
    Layer& own = decoder->layers[layer];
    own.before.assign(before, before + decoder->shape.width);
    own.between.assign(between, between + decoder->shape.width);
    if (bias) own.bias.assign(bias, bias + biases);
}

// `down` is (rank, inputs), `up` (rank, outputs).
void fourways_adapter(Decoder* decoder, int number, int layer, int module, int rank, int inputs, int outputs,
                      const float* down, const float* up) {
    Adapter& adapter = decoder->adapters[number];
    adapter.resize((size_t)decoder->shape.layers * MODULES);
    if (!rank) return;
    adapter[layer * MODULES + module] = Low{rank, inputs, outputs, std::vector<float>(down, down + (size_t)rank * inputs),
                                            std::vector<float>(up, up + (size_t)rank * outputs)};
}

void fourways_forget(Decoder* decoder, int number) { decoder->adapters.erase(number); }

void fourways_copy(Decoder* decoder, int source, int target, int length) { decoder->copy(source, target, length); }

void fourways_forward(Decoder* decoder, int count, const int* tokens, const int* slots, const int* positions,
                      const int* numbers, int asked, const int* wanted, float* logits, int helped) {
    decoder->forward(count, tokens, slots, positions, numbers, asked, wanted, logits, helped);
}
}
