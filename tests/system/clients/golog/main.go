// golog checks a log with code that is not ours: golang.org/x/mod's note and
// tlog, and transparency-dev's merkle and formats.
//
//	golog URL VERIFIER_KEY CHECKPOINT_FILE [WITNESS_KEY]
//
// It opens the checkpoint, reads the whole tree through tlog's own tiles,
// proves inclusion of each leaf and consistency with the checkpoint in the
// file, which it replaces; then flips a bit and wants to be told.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"path"
	"strings"

	fmtlog "github.com/transparency-dev/formats/log"
	fmtnote "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

var (
	base   string
	client http.Client
)

func get(name string) []byte {
	r, err := client.Get(base + name)
	check(err)
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	check(err)
	if r.StatusCode != 200 {
		log.Fatalf("%s: %s", name, r.Status)
	}
	return b
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func want(ok bool, what string) {
	if !ok {
		log.Fatalf("not so: %s", what)
	}
	fmt.Println("ok", what)
}

// tiles reads tlog's tiles of height 8 under C2SP's names.
type tiles struct{ flip bool }

func (tiles) Height() int                          { return 8 }
func (tiles) SaveTiles(t []tlog.Tile, data [][]byte) {}
func (s tiles) ReadTiles(ts []tlog.Tile) (out [][]byte, err error) {
	for _, t := range ts {
		name := strings.TrimPrefix(t.Path(), "tile/8/")
		data := get(path.Join("tile", name))
		if s.flip {
			data[len(data)/2] ^= 1
		}
		out = append(out, data)
	}
	return out, nil
}

func pool() *x509.CertPool {
	pem, err := os.ReadFile(os.Getenv("HALFTONE_CA"))
	check(err)
	p := x509.NewCertPool()
	p.AppendCertsFromPEM(pem)
	return p
}

func entries(size int64) (out [][]byte) {
	for at := int64(0); at < size; at += 256 {
		w := size - at
		if w > 256 {
			w = 256
		}
		t := tlog.Tile{H: 8, L: -1, N: at / 256, W: int(w)}
		name := strings.Replace(strings.TrimPrefix(t.Path(), "tile/8/"), "data", "entries", 1)
		for b := get(path.Join("tile", name)); len(b) > 0; {
			n := int(b[0])<<8 | int(b[1])
			out = append(out, b[2:2+n])
			b = b[2+n:]
		}
	}
	return out
}

func main() {
	base = os.Args[1] + "/audit/"
	client.Transport = &http.Transport{ForceAttemptHTTP2: true,
		TLSClientConfig: &tls.Config{RootCAs: pool()}}
	verifier, err := note.NewVerifier(os.Args[2])
	check(err)
	text := get("checkpoint")
	cp, _, _, err := fmtlog.ParseCheckpoint(text, verifier.Name(), verifier)
	check(err)
	want(cp.Origin == verifier.Name(), "the checkpoint opens with its key")
	broken := append([]byte{}, text...)
	broken[len(cp.Origin)+1] ^= 1
	_, _, _, err = fmtlog.ParseCheckpoint(broken, verifier.Name(), verifier)
	want(err != nil, "a changed checkpoint does not")

	if len(os.Args) > 4 {
		witness, err := fmtnote.NewVerifierForCosignatureV1(os.Args[4])
		check(err)
		signed := get("cosigned")
		_, _, open, err := fmtlog.ParseCheckpoint(signed, verifier.Name(), verifier, witness)
		check(err)
		want(len(open.Sigs) == 2, "the log and its witness signed")
		broken := append([]byte{}, signed...)
		broken[len(broken)-20] ^= 1
		_, err = note.Open(broken, note.VerifierList(witness))
		want(err != nil, "a changed signature of the witness does not open")
	}

	size := int64(cp.Size)
	var root tlog.Hash
	copy(root[:], cp.Hash)
	tree := tlog.Tree{N: size, Hash: root}
	reader := tlog.TileHashReader(tree, tiles{})
	all := entries(size)
	want(int64(len(all)) == size, "there is an entry for each leaf")
	for i, e := range all {
		p, err := tlog.ProveRecord(size, int64(i), reader)
		check(err)
		check(tlog.CheckRecord(p, size, root, int64(i), tlog.RecordHash(e)))
		var hashes [][]byte
		for _, h := range p {
			h := h
			hashes = append(hashes, h[:])
		}
		check(proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(i), cp.Size,
			rfc6962.DefaultHasher.HashLeaf(e), hashes, cp.Hash))
	}
	want(true, "each entry is included, by tlog and by merkle")
	_, err = tlog.ProveRecord(size, size/2, tlog.TileHashReader(tree, tiles{flip: true}))
	want(err != nil, "a flipped bit in a tile is found")

	if old, err := os.ReadFile(os.Args[3]); err == nil {
		was, _, _, err := fmtlog.ParseCheckpoint(old, verifier.Name(), verifier)
		check(err)
		p, err := tlog.ProveTree(size, int64(was.Size), reader)
		check(err)
		var before tlog.Hash
		copy(before[:], was.Hash)
		check(tlog.CheckTree(p, size, root, int64(was.Size), before))
		var hashes [][]byte
		for _, h := range p {
			h := h
			hashes = append(hashes, h[:])
		}
		check(proof.VerifyConsistency(rfc6962.DefaultHasher, was.Size, cp.Size, hashes, was.Hash, cp.Hash))
		want(was.Size < cp.Size, "it is consistent with the one before, which is shorter")
	}
	check(os.WriteFile(os.Args[3], text, 0o644))
	fmt.Println("note root", base64.StdEncoding.EncodeToString(cp.Hash), "of", size)
}
