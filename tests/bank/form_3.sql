-- A bank of form 3, as it was written: a, b and c with two phases each; a was removed.
PRAGMA application_id = 1297304898;
PRAGMA user_version = 3;
BEGIN TRANSACTION;
CREATE TABLE calibrations (
	number INTEGER NOT NULL, 
	bank_version INTEGER NOT NULL, 
	created TEXT NOT NULL, 
	who TEXT, 
	document TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	PRIMARY KEY (number), 
	FOREIGN KEY(bank_version) REFERENCES versions (number)
);
INSERT INTO "calibrations" VALUES(1,3,'2026-11-30T09:36:44+00:00','ada','{}','0c20b232fb11454ce150d1d9adaffb518fd98083bc1871f258a1655b7e0ae8ba');
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
	site TEXT, 
	scanner TEXT, 
	acquired TEXT, 
	curator TEXT, 
	pixels_checked_by TEXT, 
	removal_digest TEXT, 
	PRIMARY KEY (id), 
	FOREIGN KEY(added_version) REFERENCES versions (number), 
	FOREIGN KEY(removed_version) REFERENCES versions (number)
);
INSERT INTO "cases" VALUES(1,'a','LAM','pppppppppppppppp','histology','somewhere','CC BY 4.0','2026-01-02T03:04:05+00:00',NULL,1,2,'7d7bcfadfef6cb08b460bb517f3eafaa5f5e60177a306a46532d0033f0df19db',NULL,NULL,NULL,NULL,NULL,'5fb65e25992185fa09e87e3f088d2490b119eb38d7447ab0ab34e45a1561c31b');
INSERT INTO "cases" VALUES(2,'b','LAM','pppppppppppppppp','histology','somewhere','CC BY 4.0','2026-01-02T03:04:05+00:00',NULL,1,NULL,'1bd00d99b0b81f9839fe920c01beb9d76cc4ba50187a32acdd31e2be7271fbcf',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "cases" VALUES(3,'c','LAM','pppppppppppppppp','histology','somewhere','CC BY 4.0','2026-01-02T03:04:05+00:00',NULL,3,NULL,'e0e66b842e73a7095d702333d97c818fbaf3afa46b14df41b06cdcbbbf7369c7','A',NULL,NULL,NULL,NULL,NULL);
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
INSERT INTO "meta" VALUES('pixels','kept');
INSERT INTO "meta" VALUES('encoder_digest','');
INSERT INTO "meta" VALUES('digest','1204a72aabebb6fd1b16cde72a09713094eada7cbbc10559a3f0e9fc82a96464');
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
	kept_digest TEXT, 
	picture_hash TEXT, 
	PRIMARY KEY ("case", position), 
	FOREIGN KEY("case") REFERENCES cases (id)
);
INSERT INTO "scans" VALUES(1,0,'ED','549a46555f8590eff0953b152776995f29faa042af491bf55f862b4a0a92429d',2,'[3, 5]',NULL,'[0.1, 0.3333333333333333]','CR','CHEST','[40.0, 400.0]','MONOCHROME2',NULL,NULL);
INSERT INTO "scans" VALUES(1,1,'ES','bb038ad4bdadb769f2b6644ed3c54b6ff0e2e9b895b3932a478c810fd6d2fd44',2,'[3, 5]',NULL,'[0.1, 0.3333333333333333]','CR','CHEST','[40.0, 400.0]','MONOCHROME2',NULL,NULL);
INSERT INTO "scans" VALUES(2,0,'ED','39642d94854c2132b98b6008c3a51876e5f6f5d4763337aca7f9ca8863f0af04',2,'[3, 5]',NULL,'[0.1, 0.3333333333333333]','CR','CHEST','[40.0, 400.0]','MONOCHROME2',NULL,NULL);
INSERT INTO "scans" VALUES(2,1,'ES','5fa265d167ad6caf64fc326feedd93144a51f59e2199d39ace7c6ebadc0eebe9',2,'[3, 5]',NULL,'[0.1, 0.3333333333333333]','CR','CHEST','[40.0, 400.0]','MONOCHROME2',NULL,NULL);
INSERT INTO "scans" VALUES(3,0,'ED','93fe5f567df7dc38e2381b096fba0f2a5924cda13cad1c5039c38098a0e463aa',2,'[3, 5]',NULL,'[0.1, 0.3333333333333333]','CR','CHEST','[40.0, 400.0]','MONOCHROME2','494a0c72e5bccf17e659a12dba3f51ee1c2aec5686fc31c461c44ffc3e133db1',NULL);
INSERT INTO "scans" VALUES(3,1,'ES','e8a08a8367926f10ce3569c192e035749f33a7e1ab34f226d81de0ce41285f8d',2,'[3, 5]',NULL,'[0.1, 0.3333333333333333]','CR','CHEST','[40.0, 400.0]','MONOCHROME2','7bc266f272c93986614d500c2526e914e4301e9093b4eaa7c3ccaa708fdf1570',NULL);
CREATE TABLE versions (
	number INTEGER NOT NULL, 
	created TEXT NOT NULL, 
	what TEXT NOT NULL, 
	note TEXT, 
	n_cases INTEGER NOT NULL, 
	digest TEXT NOT NULL, 
	who TEXT, 
	PRIMARY KEY (number)
);
INSERT INTO "versions" VALUES(0,'2026-01-02T03:04:05+00:00','create',NULL,0,'a510688c1a099e45f067016d219492b013df1855b9834a1a544da5bf469975f4',NULL);
INSERT INTO "versions" VALUES(1,'2026-11-30T09:36:44+00:00','add 2 cases',NULL,2,'69b46ab6100e4f6cf344f929c81c11776e8466156bbf5568b38ab64bb2aac721',NULL);
INSERT INTO "versions" VALUES(2,'2026-11-30T09:36:44+00:00','remove 1 case','wrong patient',1,'c52ad138c1b8276236cd0b8c53e54b580a7347e4fe30ab3a3d878f3052d35fb4','ada');
INSERT INTO "versions" VALUES(3,'2026-11-30T09:36:44+00:00','add 1 case',NULL,2,'efa4ed68a647eb4be415cc863bd72147882089db250a99d0388279e23fff5986','ada');
CREATE UNIQUE INDEX one_current_case_per_id ON cases (case_id) WHERE removed_version IS NULL;
CREATE INDEX ix_scans_content_hash ON scans (content_hash);
COMMIT;
