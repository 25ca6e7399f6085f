-- A bank of form 1, as it was written: a, b and c with two phases each; a was removed.
PRAGMA application_id = 1297304898;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE cases (
	id INTEGER NOT NULL, 
	case_id TEXT NOT NULL, 
	condition TEXT NOT NULL, 
	patient TEXT, 
	proof TEXT NOT NULL, 
	source TEXT, 
	licence TEXT, 
	added TEXT NOT NULL, 
	notes TEXT, 
	added_version INTEGER NOT NULL, 
	removed_version INTEGER, 
	digest TEXT NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(added_version) REFERENCES versions (number), 
	FOREIGN KEY(removed_version) REFERENCES versions (number)
);
INSERT INTO "cases" VALUES(1,'a','LAM','pppppppppppppppp','histology','somewhere','CC BY 4.0','2026-01-02T03:04:05+00:00',NULL,1,2,'7d7bcfadfef6cb08b460bb517f3eafaa5f5e60177a306a46532d0033f0df19db');
INSERT INTO "cases" VALUES(2,'b','LAM','pppppppppppppppp','histology','somewhere','CC BY 4.0','2026-01-02T03:04:05+00:00',NULL,1,NULL,'1bd00d99b0b81f9839fe920c01beb9d76cc4ba50187a32acdd31e2be7271fbcf');
INSERT INTO "cases" VALUES(3,'c','LAM','pppppppppppppppp','histology','somewhere','CC BY 4.0','2026-01-02T03:04:05+00:00',NULL,3,NULL,'aa07e0fd7ada7c4847067d159dc935df924e07d18ebfa19a866311876f5a3251');
CREATE TABLE embeddings (
	"case" INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	vector BLOB NOT NULL, 
	PRIMARY KEY ("case", position), 
	FOREIGN KEY("case") REFERENCES cases (id)
);
INSERT INTO "embeddings" VALUES(1,0,X'62CC6ABECF80073F0BCAE0BE1D291140');
INSERT INTO "embeddings" VALUES(1,1,X'EE1A7DBF9213D2BE2454883EBE0D993E');
INSERT INTO "embeddings" VALUES(2,0,X'CC9F9DBFD8CDCC3DE451EC3E42C2423E');
INSERT INTO "embeddings" VALUES(2,1,X'FBEE9DBFF2DDA5BF627CA63F8866D9BE');
INSERT INTO "embeddings" VALUES(3,0,X'DD822E3FBAB4A0BF51DEBFBE8D84CABF');
INSERT INTO "embeddings" VALUES(3,1,X'664758BEB6E53DBF13F9EC3EE89C273F');
CREATE TABLE meta (
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "meta" VALUES('name','sample bank');
INSERT INTO "meta" VALUES('salt','000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f');
INSERT INTO "meta" VALUES('encoder_fingerprint','a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1');
INSERT INTO "meta" VALUES('encoder_name','sample encoder');
INSERT INTO "meta" VALUES('embedding_dim','4');
INSERT INTO "meta" VALUES('spatial_dims','2');
INSERT INTO "meta" VALUES('created','2026-01-02T03:04:05+00:00');
INSERT INTO "meta" VALUES('digest','ad2495098920cadfec29d068e940cdee4fbbaf04be30a7f9c444e324819e5ddd');
CREATE TABLE scans (
	"case" INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	phase TEXT NOT NULL, 
	content_hash TEXT NOT NULL, 
	spatial_dims INTEGER NOT NULL, 
	shape TEXT NOT NULL, 
	affine TEXT, 
	spacing TEXT, 
	modality TEXT, 
	body_part TEXT, 
	window TEXT, 
	photometric TEXT, 
	PRIMARY KEY ("case", position), 
	FOREIGN KEY("case") REFERENCES cases (id)
);
INSERT INTO "scans" VALUES(1,0,'ED','549a46555f8590eff0953b152776995f29faa042af491bf55f862b4a0a92429d',2,'[3, 5]',NULL,'[0.1, 0.3333333333333333]','CR','CHEST','[40.0, 400.0]','MONOCHROME2');
INSERT INTO "scans" VALUES(1,1,'ES','bb038ad4bdadb769f2b6644ed3c54b6ff0e2e9b895b3932a478c810fd6d2fd44',2,'[3, 5]',NULL,'[0.1, 0.3333333333333333]','CR','CHEST','[40.0, 400.0]','MONOCHROME2');
INSERT INTO "scans" VALUES(2,0,'ED','39642d94854c2132b98b6008c3a51876e5f6f5d4763337aca7f9ca8863f0af04',2,'[3, 5]',NULL,'[0.1, 0.3333333333333333]','CR','CHEST','[40.0, 400.0]','MONOCHROME2');
INSERT INTO "scans" VALUES(2,1,'ES','5fa265d167ad6caf64fc326feedd93144a51f59e2199d39ace7c6ebadc0eebe9',2,'[3, 5]',NULL,'[0.1, 0.3333333333333333]','CR','CHEST','[40.0, 400.0]','MONOCHROME2');
INSERT INTO "scans" VALUES(3,0,'ED','93fe5f567df7dc38e2381b096fba0f2a5924cda13cad1c5039c38098a0e463aa',2,'[3, 5]',NULL,'[0.1, 0.3333333333333333]','CR','CHEST','[40.0, 400.0]','MONOCHROME2');
INSERT INTO "scans" VALUES(3,1,'ES','e8a08a8367926f10ce3569c192e035749f33a7e1ab34f226d81de0ce41285f8d',2,'[3, 5]',NULL,'[0.1, 0.3333333333333333]','CR','CHEST','[40.0, 400.0]','MONOCHROME2');
CREATE TABLE versions (
	number INTEGER NOT NULL, 
	created TEXT NOT NULL, 
	what TEXT NOT NULL, 
	note TEXT, 
	n_cases INTEGER NOT NULL, 
	digest TEXT NOT NULL, 
	PRIMARY KEY (number)
);
INSERT INTO "versions" VALUES(0,'2026-01-02T03:04:05+00:00','create',NULL,0,'a510688c1a099e45f067016d219492b013df1855b9834a1a544da5bf469975f4');
INSERT INTO "versions" VALUES(1,'2026-11-22T08:54:28+00:00','add 2 cases',NULL,2,'ad33032000f24d44535ef89934785963e6e7f30c4f16183fc060f739cd5ee0ec');
INSERT INTO "versions" VALUES(2,'2026-11-22T08:54:28+00:00','remove 1 case','wrong patient',1,'7c4aa6be2f07c14acaf935ac73719dcd1648363bd3b8e3a736ef78b9e8e0b5a4');
INSERT INTO "versions" VALUES(3,'2026-11-22T08:54:28+00:00','add 1 case',NULL,2,'1b6076f3aa1463a12cc13aa185a541885cc1943da28cf57218fc7df5514b4a32');
CREATE UNIQUE INDEX one_current_case_per_id ON cases (case_id) WHERE removed_version IS NULL;
CREATE INDEX ix_scans_content_hash ON scans (content_hash);
COMMIT;
