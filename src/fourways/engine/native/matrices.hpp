// A matrix packed for products with few rows: AMX tiles where the processor has them, vectors of sixteen elsewhere.
//
// Whatever the number of rows, each is computed in the same order: an answer does not depend on what runs beside it.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif
#if defined(__AMX_BF16__) && defined(__linux__)
#define TILES 1
#include <sys/syscall.h>
#include <unistd.h>
#endif

typedef uint16_t half;  // bfloat16: the upper half of a float
typedef float vec __attribute__((vector_size(64), aligned(4)));
typedef uint32_t uvec __attribute__((vector_size(64), aligned(4)));
typedef uint16_t hvec __attribute__((vector_size(32), aligned(2)));
typedef int32_t ivec __attribute__((vector_size(64), aligned(4)));

constexpr int LANES = 16, BLOCK = 32;  // outputs side by side

inline vec load(const float* at) { return *(const vec*)at; }
inline void store(float* at, vec value) { *(vec*)at = value; }
#ifdef __AVX512F__
inline vec load(const half* at) {
    return (vec)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i*)at)), 16);
}
#else
inline vec load(const half* at) { return (vec)(__builtin_convertvector(*(const hvec*)at, uvec) << 16); }
#endif
inline half to_half(float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    return (half)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}
inline void store(half* at, vec value) {
    const uvec bits = (uvec)value;
    *(hvec*)at = __builtin_convertvector((bits + 0x7fff + ((bits >> 16) & 1)) >> 16, hvec);
}
inline float to_float(float value) { return value; }
inline float to_float(half value) {
    const uint32_t bits = (uint32_t)value << 16;
    float out;
    memcpy(&out, &bits, 4);
    return out;
}
inline void put(float* at, float value) { *at = value; }
inline void put(half* at, float value) { *at = to_half(value); }

// Memory of whole pages, zeroed when first touched and not before.
template <typename T> T* pages(size_t count) {
    void* found = mmap(nullptr, count * sizeof(T), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (found == MAP_FAILED) return nullptr;
    madvise(found, count * sizeof(T), MADV_HUGEPAGE);
    return (T*)found;
}

inline int up_to(int value, int unit) { return (value + unit - 1) / unit * unit; }

// (outputs, inputs), in blocks of 32 outputs. bfloat16: pairs of inputs, of 16 outputs each, in words of 32 bits.
struct Matrix {
    int outputs = 0, inputs = 0, depth = 0;  // depth: inputs, filled up with zeros to whole tiles
    half* halves = nullptr;
    float* floats = nullptr;

    int blocks() const { return up_to(outputs, BLOCK) / BLOCK; }
    size_t size() const { return (size_t)blocks() * BLOCK * depth; }

    void pack(const half* from, int rows, int columns) {
        outputs = rows, inputs = columns, depth = up_to(columns, 32);
        halves = pages<half>(size());
        for (int n = 0; n < rows; n++)
            for (int k = 0; k < columns; k++) {
                half* sixteen = halves + ((size_t)(n / BLOCK) * BLOCK + n % BLOCK / LANES * LANES) * depth;
                sixteen[(size_t)(k / 2) * 2 * LANES + n % LANES * 2 + k % 2] = from[(size_t)n * columns + k];
            }
    }

    void pack(const float* from, int rows, int columns) {
        outputs = rows, inputs = columns, depth = up_to(columns, 32);
        floats = pages<float>(size());
        for (int n = 0; n < rows; n++)
            for (int k = 0; k < columns; k++)
                floats[((size_t)(n / LANES) * depth + k) * LANES + n % LANES] = from[(size_t)n * columns + k];
    }

    void release() {
        if (halves) munmap(halves, size() * sizeof(half));
        if (floats) munmap(floats, size() * sizeof(float));
    }
};

// Rows of floats that a matrix is multiplied with, and the same in bfloat16 where tiles read them.
struct Rows {
    float* floats = nullptr;
    half* halves = nullptr;
    int stride = 0;  // of both
};

template <int M> void multiply_floats(const float* w, const float* x, int stride, int depth, vec (*out)[2]) {
    vec sum[M][2] = {};
    const float* second = w + (size_t)depth * LANES;
    for (int k = 0; k < depth; k++) {
        const vec a = load(w + (size_t)k * LANES), b = load(second + (size_t)k * LANES);
        for (int m = 0; m < M; m++) {
            sum[m][0] += a * x[(size_t)m * stride + k];
            sum[m][1] += b * x[(size_t)m * stride + k];
        }
    }
    for (int m = 0; m < M; m++) out[m][0] = sum[m][0], out[m][1] = sum[m][1];
}

template <int M> void multiply_halves(const half* w, const float* x, int stride, int depth, vec (*out)[2]) {
    vec even[M][2] = {}, odd[M][2] = {};
    for (int k = 0; k < depth; k += 2)
        for (int side = 0; side < 2; side++) {
            const uvec pairs = *(const uvec*)(w + (size_t)side * LANES * depth + (size_t)k * LANES);
            const vec low = (vec)(pairs << 16), high = (vec)(pairs & 0xffff0000u);
            for (int m = 0; m < M; m++) {
                even[m][side] += low * x[(size_t)m * stride + k];
                odd[m][side] += high * x[(size_t)m * stride + k + 1];
            }
        }
    for (int m = 0; m < M; m++)
        for (int side = 0; side < 2; side++) out[m][side] = even[m][side] + odd[m][side];
}

inline void emit(float* out, int n, int outputs, vec value, bool add) {
    if (n >= outputs) return;
    if (n + LANES <= outputs) {
        store(out + n, add ? load(out + n) + value : value);
        return;
    }
    for (int lane = 0; n + lane < outputs; lane++) out[n + lane] = value[lane] + (add ? out[n + lane] : 0);
}

// Multiply one block of 32 outputs with all rows, by vectors.
inline void multiply_block(const Matrix& matrix, int block, const Rows& rows, int count, float* out, int width, bool add) {
    constexpr int M = 4;
    vec found[M][2];
    const size_t start = (size_t)block * BLOCK * matrix.depth;
    for (int row = 0; row < count; row += M) {
        const float* x = rows.floats + (size_t)row * rows.stride;
        const int left = count - row < M ? count - row : M;
        if (matrix.halves) {
            const half* w = matrix.halves + start;
            if (left == M) multiply_halves<M>(w, x, rows.stride, matrix.depth, found);
            else
                for (int m = 0; m < left; m++)
                    multiply_halves<1>(w, x + (size_t)m * rows.stride, rows.stride, matrix.depth, found + m);
        } else {
            const float* w = matrix.floats + start;
            if (left == M) multiply_floats<M>(w, x, rows.stride, matrix.depth, found);
            else
                for (int m = 0; m < left; m++)
                    multiply_floats<1>(w, x + (size_t)m * rows.stride, rows.stride, matrix.depth, found + m);
        }
        for (int m = 0; m < left; m++)
            for (int side = 0; side < 2; side++)
                emit(out + (size_t)(row + m) * width, block * BLOCK + side * LANES, matrix.outputs, found[m][side], add);
    }
}

#ifdef TILES

inline bool tiles_allowed() {
    return syscall(SYS_arch_prctl, 0x1023 /* ARCH_REQ_XCOMP_PERM */, 18 /* tile data */) == 0;
}

inline thread_local int tiled = 0;  // rows that this thread's tiles are set to

// Set the tiles of this thread: 0 to 3 are sums, 4 and 5 rows, 6 and 7 weights.
inline void set_tiles(int rows) {
    if (tiled == rows) return;
    tiled = rows;
    struct alignas(64) {
        uint8_t palette = 1, start = 0, unused[14] = {};
        uint16_t bytes[16] = {};
        uint8_t rows[16] = {};
    } config;
    for (int tile = 0; tile < 8; tile++) config.bytes[tile] = 64, config.rows[tile] = tile < 6 ? rows : 16;
    _tile_loadconfig(&config);
}

inline void release_tiles() {
    _tile_release();
    tiled = 0;
}

// The same by tiles. Rows come in sixteens (fewer than sixteen as they are): those behind the last are not looked at.
inline void multiply_tiles(const Matrix& matrix, int block, const Rows& rows, int count, float* out, int width, bool add) {
    alignas(64) float sums[4][LANES * LANES];
    const int depth = matrix.depth;
    set_tiles(count < 16 ? count : 16);
    const half* first = matrix.halves + (size_t)block * BLOCK * depth;
    const half* second = first + (size_t)LANES * depth;
    for (int row = 0; row < count; row += 32) {
        const half* x = rows.halves + (size_t)row * rows.stride;
        const half* y = x + (size_t)16 * rows.stride;
        const bool both = count - row > 16;
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
        for (int k = 0; k < depth; k += 32) {
            _tile_loadd(6, first + (size_t)k * LANES, 64);
            _tile_loadd(7, second + (size_t)k * LANES, 64);
            _tile_loadd(4, x + k, rows.stride * 2);
            _tile_dpbf16ps(0, 4, 6);
            _tile_dpbf16ps(1, 4, 7);
            if (both) {
                _tile_loadd(5, y + k, rows.stride * 2);
                _tile_dpbf16ps(2, 5, 6);
                _tile_dpbf16ps(3, 5, 7);
            }
        }
        _tile_stored(0, sums[0], 64);
        _tile_stored(1, sums[1], 64);
        if (both) {
            _tile_stored(2, sums[2], 64);
            _tile_stored(3, sums[3], 64);
        }
        for (int m = 0; m < 32 && row + m < count; m++)
            for (int side = 0; side < 2; side++)
                emit(out + (size_t)(row + m) * width, block * BLOCK + side * LANES, matrix.outputs,
                     load(sums[m / 16 * 2 + side] + m % 16 * LANES), add);
    }
}

#endif

// e^x for each, to about a float's precision (Cephes' polynomial).
inline vec exponential(vec x) {
    const vec low = x - x - 87.0f, high = x - x + 88.0f;
    x = x < low ? low : x;
    x = x > high ? high : x;
    const vec scaled = x * 1.44269504f;
    ivec whole = __builtin_convertvector(scaled + (scaled < 0.0f ? x - x - 0.5f : x - x + 0.5f), ivec);
    const vec n = __builtin_convertvector(whole, vec);
    x = x - n * 0.693359375f + n * 2.12194440e-4f;
    vec y = x * 1.9875691500e-4f + 1.3981999507e-3f;
    y = y * x + 8.3334519073e-3f;
    y = y * x + 4.1665795894e-2f;
    y = y * x + 1.6666665459e-1f;
    y = y * x + 5.0000001201e-1f;
    y = y * x * x + x + 1.0f;
    return y * (vec)((whole + 127) << 23);
}

inline float largest(vec value) {
    float found = value[0];
    for (int lane = 1; lane < LANES; lane++) found = value[lane] > found ? value[lane] : found;
    return found;
}

inline float total(vec value) {
    float sum = 0;
    for (int lane = 0; lane < LANES; lane++) sum += value[lane];
    return sum;
}
