// Kernels by hand: maps that operators seldom make, compiled for the least and the best instruction set, at several sizes, against the
// interpreter.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <sstream>

#include "neap/ops/builder.h"
#include "neap/ops/interpreter.h"
#include "neap/runtime/executable.h"
#include "tests/runtime/kernel_text.h"
#include "tests/support/results.h"

namespace neap::kernels_test {
namespace {

// Inputs are filled by their names: "offsets" rise from 0 to E, "rows" are below N, "labels" below 5, others are numbers; "special" holds
// NaN and infinities too. A kernel of which there are several stands once, with words in capitals; each of `variants` says what they are.
struct Kernel {
  std::string name;
  std::string text;
  double tolerance = 1e-5;
  std::vector<const char*> variants = {};  // "HEADS=8 WIDTH=4"
};

const Kernel written[] = {
    {"neighbours that share an element, in groups that fill no vectors", R"(
  input x : f64[N,2,3]
  input z : f32[N,9]
  %0 = map(x) n:N c:2 o:18 { %0[n,c,o] = x[n,c,floor_div(o, 6)] / 6.0:f64 } : f64[N,2,18]
  %1 = map(z) n:N o:45 { %1[n,o] = z[n,floor_div(o, 5)] * 2.0 } : f32[N,45]
  %2 = map(z) n:N o:144 { %2[n,o] = z[n,floor_div(o, 16)] * 2.0 } : f32[N,144]
  output y = %0
  output v = %1
  output w = %2)"},
    {"a choice by what is no number", R"(
  input x : f32[N,21]
  input z : f32[21]
  %0 = map(x, z) n:N j:21 { %0[n,j] = select(logical_not(x[n,j]), z[j], select(logical_not(is_nan(x[n,j])), 1.5, z[j] * 2.0)) } : f32[N,21]
  output y = %0)"},
    {"a scope with locals", R"(
  input x : f32[N,64]
  %0 = map(x) i:N { local $0: f32[64]; local $1: f32[1]; for j:64 $0[j] = exp(x[i,j]); for j:64 $1[0] += $0[j]; for b:64 %0[i,b] = $0[b] / $1[0] } : f32[N,64]
  output y = %0)"},
    {"a scope whose local is read a step aside", R"(
  input x : f32[N,33]
  %0 = map(x) i:N { local $0: f32[33]; for j:33 $0[j] = x[i,j] * 2.0; for b:32 %0[i,b] = $0[b + 1] - $0[b] } : f32[N,32]
  output y = %0)"},
    {"a scope of rows that end within a vector", R"(
  input x : f32[N,44]
  input z : f32[44]
  %0 = map(x, z) i:N { local $0: f32[44]; local $1: f32[44]; for j:44 $0[j] = x[i,j] * z[j]; for j:44 $1[j] = exp($0[j]) - $0[43 - j]; for j:44 %0[i,j] = $1[j] + $0[j] } : f32[N,44]
  output y = %0)"},
    {"sums and maxima over neighbours within expressions of a scope",
     R"(
  input x : TYPE[N,HEADS,WIDTH]
  input z : TYPE[N,HEADS]
  %0, %1, %2 = map(x, z) i:N { local $0: TYPE[HEADS,WIDTH]; for h:HEADS f:WIDTH %2[] += x[i,h,f] * z[i,h]; for h:HEADS f:WIDTH $0[h,f] = x[i,h,f] * x[i,h,f]; for k:HEADS %0[i,k] = exp(z[i,k]) + FOLD(l:WIDTH, $0[k,l]); for k:HEADS %1[i,k] = FOLD(m:WIDTH, $0[k,m]) * z[i,k] - sum(n:WIDTH, x[i,k,n] * z[i,k]) } : TYPE[N,HEADS], TYPE[N,HEADS], TYPE[]
  output a = %0
  output b = %1
  output c = %2)",
     1e-4,
     {"TYPE=f32 FOLD=sum HEADS=8 WIDTH=8", "TYPE=f32 FOLD=sum HEADS=5 WIDTH=4", "TYPE=f32 FOLD=max HEADS=3 WIDTH=2",
      "TYPE=f64 FOLD=sum HEADS=3 WIDTH=4"}},
    {"a sum over neighbours of all rows and its parts", R"(
  input x : f32[N,4,8]
  %0, %1 = map(x) i:N { for h:4 %0[i,h] = sum(l:8, x[i,h,l]) / (1.0 + sum(m:4, sum(n:8, x[i,m,n] * x[i,m,n]))); for h:4 %1[h] += sum(k:8, x[i,h,k]) * 2.0 } : f32[N,4], f32[4]
  output a = %0
  output b = %1)"},
    {"rows of half a vector", R"(
  input special : f32[N,8]
  input z : f32[8]
  %0, %1, %2, %3 = map(special, z) i:N { local $0: f32[8]; local $1: f32[8]; for j:8 $0[j] = select(special[i,j] > z[j], special[i,j], tanh(z[j])); for j:8 $1[j] = exp($0[j]) + log(z[j] * z[j]) - sqrt(z[j] * z[j]); for k:8 %0[i,k] = max($0[k], z[k]) - min(special[i,k], $1[k]); for k:8 %1[i,k] = select(is_nan($1[k]) || special[i,k] <= 0.5, 1.0, pow(z[k] * z[k], 1.5)); for k:8 %2[k] max= special[i,k]; for k:8 l:3 %3[i,k] += z[k] * special[i,l] } : f32[N,8], f32[N,8], f32[8], f32[N,8]
  output a = %0
  output b = %1
  output c = %2
  output d = %3)"},
    {"positions in a row against numbers, in and far outside of it",
     R"(
  input x : TYPE[N,WIDTH]
  input labels : i64[N]
  %0, %1, %2, %3, %4 = map(x, labels) i:N j:WIDTH { %0[i,j] = select(labels[i] == j, x[i,j], 0.5:TYPE); %1[i,j] = select(j + 1 < labels[i] * 9 && labels[i] - 2 != j, x[i,j], 0.25:TYPE); %2[i,j] = select(labels[i] - 3 >= j, x[i,j], 2.0:TYPE); %3[i,j] = select(j > labels[i] * 4294967296 - 4294967290, x[i,j], 3.0:TYPE) + select(j >= labels[i], 1.0:TYPE, x[i,j]); %4[i,j] = select(labels[i] * 4294967296 <= j, x[i,j], 4.0:TYPE) } : TYPE[N,WIDTH], TYPE[N,WIDTH], TYPE[N,WIDTH], TYPE[N,WIDTH], TYPE[N,WIDTH]
  %5 = map(x, labels) i:N { %5[i] = sum(k:WIDTH, select(k <= labels[i], exp(x[i,k]), 0.0:TYPE)) } : TYPE[N]
  output a = %0
  output b = %1
  output c = %2
  output d = %3
  output e = %4
  output f = %5)",
     1e-5,
     {"TYPE=f32 WIDTH=3", "TYPE=f32 WIDTH=8", "TYPE=f32 WIDTH=41", "TYPE=f32 WIDTH=128", "TYPE=f64 WIDTH=11"}},
    {"positions in rows of half a vector in a scope", R"(
  input x : f32[N,8]
  input labels : i64[N]
  %0 = map(x, labels) i:N { local $0: f32[8]; for j:8 $0[j] = exp(x[i,j]) - select(labels[i] == j, 1.0, 0.0); for k:8 %0[i,k] = $0[k] * x[i,k] } : f32[N,8]
  output y = %0)"},
    {"a row of a scope that comes again and again, and sums turned to the other order",
     R"(
  input x : TYPE[N,WIDTH,HEADS]
  input z : TYPE[N,HEADS]
  %0, %1 = map(x, z) i:N { local $0: TYPE[HEADS]; local $1: TYPE[WIDTH,HEADS]; local $2: TYPE[HEADS,WIDTH]; for h:HEADS $0[h] = exp(z[i,h]); for f:WIDTH g:HEADS $1[f,g] = x[i,f,g] * $0[g] + $0[g]; for a:HEADS b:WIDTH $2[a,b] = $1[b,a]; for c:HEADS d:WIDTH %0[i,c,d] = $2[c,d] * 2.0:TYPE; for k:HEADS l:WIDTH %1[k] += $2[k,l] * $0[k] } : TYPE[N,HEADS,WIDTH], TYPE[HEADS]
  output a = %0
  output b = %1)",
     1e-4,
     {"TYPE=f32 HEADS=8 WIDTH=8", "TYPE=f32 HEADS=4 WIDTH=4", "TYPE=f32 HEADS=2 WIDTH=8", "TYPE=f32 HEADS=8 WIDTH=6",
      "TYPE=f32 HEADS=4 WIDTH=3", "TYPE=f32 HEADS=3 WIDTH=8", "TYPE=f32 HEADS=16 WIDTH=4", "TYPE=f64 HEADS=4 WIDTH=4"}},
    {"sums turned to the other order twice, and back", R"(
  input x : f32[N,8,8]
  %0 = map(x) i:N { local $0: f32[8,8]; local $1: f32[8,8]; local $2: f32[8,8]; local $3: f32[8,8]; for f:8 h:8 $0[f,h] = x[i,f,h] * 2.0; for a:8 b:8 $1[a,b] = $0[b,a]; for c:8 d:8 $2[c,d] = $0[d,c]; for e:8 g:8 $3[e,g] = $2[g,e]; for k:8 l:8 %0[i,k,l] = $1[k,l] + $2[k,l] * $3[k,l] } : f32[N,8,8]
  output y = %0)"},
    {"rows and columns exchanged, from memory to memory",
     R"(
  input x : TYPE[N,ROWS,COLUMNS,3]
  input z : TYPE[N,ROWS,COLUMNS]
  %0, %1 = map(x, z) n:N { for j:COLUMNS i:ROWS %0[n,j,i] = z[n,i,j]; for c:3 f:COLUMNS r:ROWS %1[n,c,f,r] = x[n,r,f,c] } : TYPE[N,COLUMNS,ROWS], TYPE[N,3,COLUMNS,ROWS]
  %2 = map(z) n:N j:COLUMNS i:ROWS { %2[n,j,i] = z[n,i,j] } : TYPE[N,COLUMNS,ROWS]
  %3 = map(z) i:ROWS j:COLUMNS n:N { %3[i,j,n] = z[n,i,j] } : TYPE[ROWS,COLUMNS,N]
  output a = %0
  output b = %1
  output c = %2
  output d = %3)",
     1e-5,
     {"TYPE=f32 ROWS=8 COLUMNS=8", "TYPE=i32 ROWS=16 COLUMNS=24", "TYPE=f32 ROWS=12 COLUMNS=20", "TYPE=f32 ROWS=7 COLUMNS=16",
      "TYPE=i32 ROWS=16 COLUMNS=1", "TYPE=f64 ROWS=8 COLUMNS=8"}},
    {"many buffers, one after the other, and one that is held all along", R"(
  input x : f32[N,64]
  input z : f32[N,64]
  %0, %1 = map(x, z) i:N { local $0: f32[64]; local $1: f32[64]; local $2: f32[64]; local $3: f32[64]; local $4: f32[64]; for a:64 $4[a] += x[i,a] * z[i,a]; for b:64 $0[b] = x[i,b] * 2.0; for c:64 $1[c] = $0[c] * z[i,c]; for d:64 $2[d] = $1[d] - 1.0; for e:64 $3[e] = $2[e] * $2[e]; for f:64 $4[f] += $3[f]; for k:64 %0[i,k] = $4[k] + $3[k]; for l:64 %1[l] += $4[l] } : f32[N,64], f32[64]
  output a = %0
  output b = %1)",
     1e-4},
    {"a scope that hands on and accumulates", R"(
  input x : f32[N,17]
  %0, %1, %2 = map(x) i:N { local $0: f32[17]; for j:17 $0[j] = x[i,j] * x[i,j]; for j:17 %0[i,j] = $0[j]; for j:17 %1[j] += $0[j]; %2[] max= max(r:17, $0[r]) } : f32[N,17], f32[17], f32[]
  output a = %0
  output b = %1
  output c = %2)"},
    {"a scope of one row", R"(
  input x : f32[1,40]
  %0 = map(x) i:1 { local $0: f32[40]; for j:40 $0[j] = x[i,j] + 1.0; for j:40 %0[i,j] = $0[39 - j] } : f32[1,40]
  output y = %0)"},
    {"a scope of CSR rows in an axis of one", R"(
  input x : f32[1,E,3]
  input offsets : i64[1,N+1]
  %0 = map(x, offsets) b:1 n:N e:E in offsets[b,n] to offsets[b,n + 1] { local $0: f32[3]; for f:3 $0[f] = x[b,e,f] * 2.0; for f:3 %0[b,n,f] += $0[f] } : f32[1,N,3]
  output y = %0)"},
    {"sums of CSR rows", R"(
  input x : f32[E,5]
  input offsets : i64[N+1]
  %0 = map(x, offsets) n:N f:5 { %0[n,f] = sum(e:E in offsets[n] to offsets[n + 1], x[e,f]) } : f32[N,5]
  output y = %0)"},
    {"entries of CSR rows, accumulated", R"(
  input x : f32[E]
  input offsets : i64[N+1]
  %0, %1 = map(x, offsets) n:N e:E in offsets[n] to offsets[n + 1] { %0[n] += x[e]; %1[n] max= x[e] } : f32[N], f32[N]
  output y = %0
  output z = %1)"},
    {"weighted sums and products of rows' entries, in groups",
     R"(
  input x : f32[N,HEADS,WIDTH]
  input w : f32[N,HEADS]
  input g : f32[N,HEADS,WIDTH]
  input offsets : i64[N+1]
  input rows : i32[E]
  %0, %1, %2 = map(x, w, g, offsets, rows) n:N e:E in offsets[n] to offsets[n + 1] { local $0: f32[HEADS]; local $1: f32[HEADS]; for h:HEADS $0[h] = exp(w[i64(rows[e]),h] - w[n,h]); for i:HEADS f:WIDTH %0[n,i,f] += $0[i] * #0=(x[i64(rows[e]),i,f]); for i:HEADS f:WIDTH $1[i] += g[n,i,f] * #0; for h:HEADS %1[n,h] += $0[h] * $1[h]; for h:HEADS %2[n,h] max= $1[h] } : f32[N,HEADS,WIDTH], f32[N,HEADS], f32[N,HEADS]
  output y = %0
  output z = %1
  output u = %2)",
     1e-5,
     {"HEADS=8 WIDTH=8", "HEADS=6 WIDTH=4", "HEADS=3 WIDTH=8", "HEADS=5 WIDTH=2", "HEADS=1 WIDTH=16"}},
    {"loops over the entries of rows one after the other, in groups",
     R"(
  input x : f32[N,HEADS,WIDTH]
  input w : f32[N,HEADS]
  input offsets : i64[N+1]
  input rows : i32[E]
  %0, %1, %2 = map(x, w, offsets, rows) n:N { local $0: f32[HEADS]; local $1: f32[HEADS]; local $2: f32[HEADS,WIDTH]; local $3: f32[HEADS]; local $4: f32[HEADS,WIDTH]; for e:E in offsets[n] to offsets[n + 1] h:HEADS $0[h] max= w[i64(rows[e]),h] + w[n,h]; for d:E in offsets[n] to offsets[n + 1] k:HEADS $1[k] += exp(w[i64(rows[d]),k] + w[n,k] - $0[k]); for d:E in offsets[n] to offsets[n + 1] i:HEADS f:WIDTH $2[i,f] += exp(w[i64(rows[d]),i] + w[n,i] - $0[i]) * x[i64(rows[d]),i,f]; for d:E in offsets[n] to offsets[n + 1] k:HEADS $3[k] += sum(r:WIDTH, x[n,k,r] * x[i64(rows[d]),k,r]) * exp(w[i64(rows[d]),k] + w[n,k] - $0[k]); for d:E in offsets[n] to offsets[n + 1] i:HEADS f:WIDTH $4[i,f] += exp(w[i64(rows[d]),i] - $0[i]) / $1[i] * x[i64(rows[d]),i,f]; for i:HEADS f:WIDTH %0[n,i,f] = select(offsets[n] < offsets[n + 1], $2[i,f] / $1[i], 0.0); for k:HEADS %1[n,k] = $3[k]; for i:HEADS f:WIDTH %2[n,i,f] = $4[i,f] } : f32[N,HEADS,WIDTH], f32[N,HEADS], f32[N,HEADS,WIDTH]
  output y = %0
  output z = %1
  output u = %2)",
     1e-5,
     {"HEADS=8 WIDTH=8", "HEADS=6 WIDTH=4", "HEADS=5 WIDTH=3", "HEADS=8 WIDTH=32", "HEADS=12 WIDTH=20", "HEADS=2 WIDTH=100"}},
    {"a softmax over CSR rows in one scope", R"(
  input x : f32[E]
  input offsets : i64[N+1]
  %0 = map(x, offsets) n:N { local $0: f32[2]; $0[0] = max(e:E in offsets[n] to offsets[n + 1], x[e]); $0[1] = sum(d:E in offsets[n] to offsets[n + 1], exp(x[d] - $0[0])); for c:E in offsets[n] to offsets[n + 1] %0[c] = exp(x[c] - $0[0]) / $0[1] } : f32[E]
  output y = %0)"},
    {"accumulated into elements of its own", R"(
  input x : f32[N,M]
  %0 = map(x) i:N j:M { %0[i] += x[i,j] } : f32[N]
  output y = %0)"},
    {"accumulated into parts", R"(
  input x : f32[N,31]
  %0 = map(x) i:N j:31 { %0[j] += x[i,j] } : f32[31]
  %1 = map(x) i:N j:31 { %1[j] max= x[i,j] } : f32[31]
  %2 = map(x) i:N j:31 { %2[j] min= x[i,j] } : f32[31]
  output y = %0
  output z = %1
  output w = %2)"},
    {"accumulated by one thread", R"(
  input x : f32[N,M]
  %0 = map(x) i:N j:M { %0[j] += x[i,j] } : f32[M]
  output y = %0)"},
    {"accumulated twice into one result", R"(
  input x : f32[N,16]
  input z : f32[N,16]
  %0 = map(x, z) i:N j:16 { %0[j] += x[i,j]; %0[15 - j] += z[i,j] } : f32[16]
  %1 = map(x, z) i:N j:16 { %1[i] += x[i,j]; %1[i] += z[i,j] * 2.0 } : f32[N]
  output y = %0
  output w = %1)"},
    {"accumulated where the data says", R"(
  input x : f32[N,3]
  input rows : i64[N]
  %0 = map(x, rows) i:N j:3 { %0[rows[i],j] += x[i,j] } : f32[N,3]
  output y = %0)"},
    {"accumulated in bf16", R"(
  input x : bf16[N,19]
  %0 = map(x) i:N j:19 { %0[j] += x[i,j] } : bf16[19]
  %1 = map(x) i:N j:19 { %1[i] += x[i,j] } : bf16[N]
  %2 = map(x) i:N j:19 { %2[i,j] = sum(k:19, x[i,k] * x[i,j]) } : bf16[N,19]
  output y = %0
  output z = %1
  output w = %2)",
     0.02},
    {"accumulated in a layout of its own", R"(
  input x : f32[N,4,6,3]
  %0 = map(x) i:N c:4 h:6 w:3 { %0[0,c,h,w] += x[i,c,h,w] } : f32[1,4,6,3] acdb
  %1 = map(x) i:N c:4 h:6 w:3 { %1[i,c,h,0] += x[i,c,h,w] } : f32[N,4,6,1] acdb
  %2 = map(%0, %1) i:N c:4 h:6 w:3 { %2[i,c,h,w] = %0[0,c,h,w] - %1[i,c,h,0] } : f32[N,4,6,3]
  output y = %2)"},
    {"integers and truth", R"(
  input x : f32[N,23]
  input rows : i64[N]
  %0 = map(x) i:N { %0[i] = any(j:23, x[i,j] > 1.5) } : bool[N]
  %1 = map(x) i:N { %1[i] = all(j:23, x[i,j] > -1.5) } : bool[N]
  %2 = map(rows) i:N { %2[] += rows[i] } : i64[]
  %3 = map(x) i:N { %3[i] = i32(x[i,0] * 100.0) } : i32[N]
  output a = %0
  output b = %1
  output c = %2
  output d = %3)"},
    {"blocks of eight channels", R"(
  input x : f32[N,13,3,5]
  %0 = map(x) n:N c:13 h:3 w:5 { %0[n,c,h,w] = x[n,c,h,w] * 2.0 } : f32[N,13,3,5] aBcd8b
  %1 = map(%0) n:N c:13 h:3 w:5 { %1[n,c,h,w] = tanh(%0[n,c,h,w]) } : f32[N,13,3,5] aBcd8b
  %2 = map(%1) n:N c:13 h:3 w:5 { %2[n,c,h,w] = %1[n,c,h,w] + 1.0 } : f32[N,13,3,5]
  %3 = map(%1) n:N c:13 { %3[n,c] = sum(h:3 w:5, %1[n,c,h,w]) } : f32[N,13]
  output y = %2
  output z = %3)"},
    {"stores a stride apart", R"(
  input x : f32[N,20]
  %0 = map(x) i:N j:20 { %0[i,j] = x[i,j] + 1.0 } : f32[N,20] ba
  %1 = map(%0) i:N j:20 { %1[j,i] = %0[i,j] * 2.0 } : f32[20,N]
  %2 = map(x) i:N j:20 { %2[i,19 - j] = x[i,j] } : f32[N,20]
  output y = %1
  output z = %2)"},
    {"every other element", R"(
  input x : f32[N,40]
  %0 = map(x) i:N j:20 { %0[i,j] = x[i,2 * j] + x[i,2 * j + 1] * x[i,39 - 2 * j] } : f32[N,20]
  output y = %0)"},
    {"reads that are outside, of another value", R"(
  input x : f32[N,17]
  input z : f32[19]
  %0 = map(x, z) i:N j:19 { %0[i,j] = x[i,j - 1 else z[j]] } : f32[N,19]
  %1 = map(x, z) i:N j:19 { %1[i,j] = x[i,j - 1 else 7.0] * z[j] } : f32[N,19]
  %2 = map(x, z) i:N j:19 { %2[i,j] = x[i + 1,min(j, 16) else -z[j]] } : f32[N,19]
  output a = %0
  output b = %1
  output c = %2)"},
    {"windows over borders", R"(
  input x : f32[N,4,9,33]
  input w : f32[4,3,3]
  %0 = map(x, w) n:N c:4 h:9 i:33 { %0[n,c,h,i] = sum(r:3 s:3, x[n,c,h + r - 1,i + s - 1 else 0.0] * w[c,r,s]) } : f32[N,4,9,33]
  %1 = map(x) n:N c:4 h:5 i:17 { %1[n,c,h,i] = max(r:3 s:3, x[n,c,2 * h + r - 1,2 * i + s - 1 else -inf]) } : f32[N,4,5,17]
  %2 = map(x, w) n:N c:4 h:9 i:33 { %2[n,c,h,i] = sum(r:3 s:3, x[n,c,h + 2 * r - 2,i + 2 * s - 2 else 0.0] * w[c,r,s]) } : f32[N,4,9,33]
  output y = %0
  output z = %1
  output v = %2)"},
    {"positions of extremes, of NaN too", R"(
  input special : f32[N,9]
  input x : f32[N,9]
  %0 = map(special) i:N { %0[i] = argmax(j:9, special[i,j]) } : i64[N]
  %1 = map(special) i:N { %1[i] = argmin(j:9, special[i,j]) } : i64[N]
  %2 = map(x) i:N { %2[i] = x[i,argmax(j:9, x[i,j])] } : f32[N]
  %3 = map(special) i:N { %3[i] = max(j:9, special[i,j]) } : f32[N]
  %4 = map(special) j:9 { %4[j] = min(i:N, special[i,j]) } : f32[9]
  %5 = map(special) i:N j:9 { %5[j] max= special[i,j] } : f32[9]
  output a = %0
  output b = %1
  output c = %2
  output d = %3
  output e = %4
  output f = %5)"},
    {"reductions in conditions", R"(
  input x : f32[N,21]
  input rows : i64[N]
  %0 = map(x) i:N j:21 { %0[i,j] = select(sum(k:21, x[i,k]) > 0.0, x[i,j] / sum(m:21, abs(x[i,m])), max(l:21, x[i,l])) } : f32[N,21]
  %1 = map(x, rows) i:N { %1[i] = select(rows[i] > 0, x[rows[i] - 1,3], -1.0) } : f32[N]
  %2 = map(x, rows) i:N { %2[i] = sum(k:21, select(k < rows[i], x[rows[i] - 1,k], 0.5)) } : f32[N]
  output a = %0
  output b = %1
  output c = %2)"},
    {"axes of no size", R"(
  input x : f32[N,0]
  input z : f32[N,7]
  %0 = map(x) i:N { %0[i] = sum(j:0, x[i,j]) } : f32[N]
  %1 = map(x) i:N { %1[i] = max(j:0, x[i,j]) } : f32[N]
  %2 = map(x) i:N j:0 { %2[i] += x[i,j] } : f32[N]
  %3 = map(z, x) i:N j:7 { %3[i,j] = z[i,j] * sum(k:0, x[i,k]) } : f32[N,7]
  output a = %0
  output b = %1
  output c = %2
  output d = %3)"},
    {"f64 in tiles", R"(
  input x : f64[N,M]
  input w : f64[M,33]
  %0 = map(x, w) i:N j:33 { %0[i,j] = sum(k:M, x[i,k] * w[k,j]) } : f64[N,33]
  %1 = map(x) j:M k:M { %1[j,k] = sum(i:N, x[i,j] * x[i,k]) } : f64[M,M]
  output y = %0
  output z = %1)",
     1e-12},
    {"f32 in tiles", R"(
  input x : f32[N,M]
  input w : f32[M,33]
  input v : f32[17,M]
  %0 = map(x, w) i:N j:33 { %0[i,j] = max(0.0, sum(k:M, x[i,k] * w[k,j])) } : f32[N,33]
  %1 = map(x, v) i:N j:17 { %1[i,j] = sum(k:M, x[i,k] * v[j,k]) } : f32[N,17]
  %2 = map(x) j:M k:M { %2[j,k] = sum(i:N, x[i,j] * x[i,k]) } : f32[M,M]
  output y = %0
  output z = %1
  output t = %2)"},
};

Kernel variant_of(Kernel kernel, const std::string& words) {
  kernel.name += ", " + words;
  std::istringstream text(words);
  for (std::string word; text >> word;) {
    const std::size_t middle = word.find('=');
    const std::string name = word.substr(0, middle), value = word.substr(middle + 1);
    for (std::size_t at = 0; (at = kernel.text.find(name, at)) != std::string::npos; at += value.size())
      kernel.text.replace(at, name.size(), value);
  }
  return kernel;
}

const std::vector<Kernel>& kernels() {
  static const std::vector<Kernel> all = [] {
    std::vector<Kernel> made;
    for (const Kernel& kernel : written) {
      if (kernel.variants.empty()) made.push_back(kernel);
      for (const char* words : kernel.variants) made.push_back(variant_of(kernel, words));
    }
    return made;
  }();
  return all;
}

double element(const std::string& name, std::int64_t i, std::int64_t count, const Symbols& symbols, std::mt19937_64& random) {
  if (name == "offsets")
    return i + 1 == count ? static_cast<double>(symbols.at("E"))
                          : std::floor(static_cast<double>(symbols.at("E") * i) / static_cast<double>(count));
  if (name == "rows") return static_cast<double>(random() % static_cast<std::uint64_t>(std::max<std::int64_t>(1, symbols.at("N"))));
  static constexpr double special[] = {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
                                       -std::numeric_limits<double>::infinity(), -0.0};
  if (name == "special" && random() % 3 == 0) return special[random() % 4];
  return static_cast<double>(random() >> 11) * 0x1p-51 - 2;
}

std::vector<Array> filled(const Graph& graph, const Symbols& symbols) {
  std::mt19937_64 random(7);
  std::vector<Array> inputs;
  for (const Input& input : graph.inputs) {
    const Type& type = graph.type(input.value);
    Array& array = inputs.emplace_back(type.dtype, evaluate(type.shape, symbols));
    for (std::int64_t i = 0; i < array.count(); ++i) array.set(i, element(input.name, i, array.count(), symbols, random));
  }
  return inputs;
}

// The graphs, all in one, with inputs at several sizes and what the interpreter makes of them.
struct Wanted {
  struct At {
    Symbols symbols;
    std::vector<Array> inputs;
    std::vector<std::vector<Array>> outputs;  // by kernel
  };
  Graph all;
  std::vector<At> sizes;
};

Wanted wanted_of(const std::vector<Symbols>& sizes) {
  Wanted made;
  for (const Symbols& symbols : sizes) made.sizes.push_back({symbols, {}, {}});
  Builder build(made.all);
  for (const Kernel& kernel : kernels()) {
    const Graph graph = graph_of(kernel.text);
    std::vector<Var> arguments;
    for (const Input& input : graph.inputs) {
      arguments.push_back(build.input("x" + std::to_string(made.all.inputs.size()), graph.type(input.value)));
    }
    for (const Var& output : build.inline_graph(graph, arguments)) {
      made.all.add_output(output.id(), "y" + std::to_string(made.all.outputs.size()));
    }
    for (Wanted::At& at : made.sizes) {
      const std::vector<Array> inputs = filled(graph, at.symbols);
      at.inputs.insert(at.inputs.end(), inputs.begin(), inputs.end());
      at.outputs.push_back(interpret(graph, inputs));
    }
  }
  return made;
}

class AllKernels {
 public:
  AllKernels(const Graph& all, Isa isa) {
    ExecutableOptions options;
    options.isa = isa;
    executable_ = std::make_unique<Executable>(all, options);
    for (const NodeProfile& node : executable_->profile()) EXPECT_EQ(node.how, "generated") << node.name;
  }

  void check(const Wanted::At& at) {
    const std::vector<Array> got = run(at.inputs, 1), again = run(at.inputs, 2);
    std::size_t next = 0;
    for (std::size_t k = 0; k < at.outputs.size(); ++k) {
      for (const Array& wanted : at.outputs[k]) {
        expect_close(got[next], wanted, kernels()[k].tolerance, kernels()[k].name);
        EXPECT_TRUE(same_bits(got[next], again[next])) << kernels()[k].name << ": two threads give other bits";
        ++next;
      }
    }
  }

 private:
  std::vector<Array> run(const std::vector<Array>& inputs, int count) {
    const Threads threads(count);
    return executable_->run(inputs);
  }

  std::unique_ptr<Executable> executable_;
};

TEST(Kernels, GiveWhatTheInterpreterGives) {
  const Wanted wanted = wanted_of({{{"N", 0}, {"M", 17}, {"E", 0}},
                                   {{"N", 1}, {"M", 17}, {"E", 2}},
                                   {{"N", 7}, {"M", 1}, {"E", 20}},
                                   {{"N", 3}, {"M", 5}, {"E", 130}},
                                   {{"N", 40}, {"M", 64}, {"E", 119}}});
  for (const Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
    if (!supports(isa)) continue;
    AllKernels all(wanted.all, isa);
    for (const Wanted::At& at : wanted.sizes) {
      SCOPED_TRACE(fmt::format("{}, N={}", name(isa), at.symbols.at("N")));
      all.check(at);
    }
  }
}

// Results that are larger than caches are stored past them: every element is there, on any number of threads.
TEST(Kernels, StoreLargeSumsOfRows) {
  constexpr std::int64_t rows = 131072, features = 64, step = 1021;
  Executable executable(graph_of(fmt::format(R"(
  input x : f32[E,{1}]
  input offsets : i64[{2}]
  %0 = map(x, offsets) n:{0} e:E in offsets[n] to offsets[n + 1] {{ local $0: f32[{1}]; for f:{1} $0[f] = x[e,f] * 2.0; for f:{1} %0[n,f] += $0[f] }} : f32[{0},{1}]
  output y = %0)",
                                             rows, features, rows + 1)));
  const std::int64_t entries = rows / step;  // one in every so many rows
  std::vector<std::int64_t> offsets;
  for (std::int64_t n = 0; n <= rows; ++n) offsets.push_back(std::min(n / step, entries));
  Array x(DType::f32, {entries, features});
  for (std::int64_t i = 0; i < x.count(); ++i) x.set(i, static_cast<double>(i + 1));
  for (const int count : {1, 2}) {
    const Threads threads(count);
    const Array y = executable.run({x, integers(offsets)})[0];
    const std::span<const float> got = y.values<float>();
    std::int64_t wrong = 0;
    for (std::int64_t i = 0; i < y.count(); ++i) {
      const std::int64_t row = i / features, entry = offsets[static_cast<std::size_t>(row)];
      const bool there = offsets[static_cast<std::size_t>(row + 1)] > entry;
      wrong += got[static_cast<std::size_t>(i)] != (there ? 2.0F * static_cast<float>(entry * features + i % features + 1) : 0.0F);
    }
    EXPECT_EQ(wrong, 0) << count << " threads";
  }
}

}  // namespace
}  // namespace neap::kernels_test
