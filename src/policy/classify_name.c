/*-------------------------------------------------------------------------
 *
 * classify_name.c
 *	  What a column holds, judged by its name, its table's and its type.
 *
 * A name is split into words, and each word is replaced by the plain word for
 * what it means in English, German, Dutch, French, Spanish, Portuguese,
 * Italian or Polish.
 * The head of a Germanic compound stands last: email_subject is a
 * subject, customer_email an email.  In the Romance languages it stands first,
 * and what follows says whose it is.  So a phrase must match the last words of
 * a name, after words that only qualify ("2", "encrypted", "home", "cliente")
 * are taken off; a word that is not known there means another thing is named.
 *
 * The question is whether the value itself is personal or secret: counters,
 * flags, times and references are not.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "policy/classify.h"

/* Longer names are cut. */
#define MAX_TOKENS 16
#define MAX_NAME 128
#define MAX_PHRASE 4

/* ---- words ---- */

#define PERSON	0x01			/* a table of these holds people; before
								 * "name", a person's name */
#define PLACE	0x02			/* a table of these holds no one's home */
#define TRAIL	0x04			/* changes nothing when it stands last */
#define MACHINE 0x08			/* before "address": not where one lives */
#define FLAG	0x10			/* first: the column is a flag or a count */
#define NEUTRAL 0x20			/* a table's last word that says nothing */
#define ORDER	0x40			/* a table of these holds one person's address */
#define DROP	0x80			/* of, de, di ... */
#define OTHER	0x100			/* before "card": not one for paying; before
								 * "name": not a person's */
#define THING	0x200			/* before "client" and the like: no human */
#define JOIN	0x400			/* short, yet written together with others */
#define NOJOIN	0x800			/* long, yet rather the end of another word */
#define FIRST	0x1000			/* may be the first part for all that */

typedef struct Word
{
	const char *word;
	const char *means;			/* NULL: itself */
	int			flags;
} Word;

static const Word words[] = {
	/* people */
	{"actor", NULL, PERSON}, {"adherent", "member", PERSON},
	{"admin", NULL, PERSON}, {"administrator", "admin", PERSON},
	{"alumno", "student", PERSON}, {"aluno", "student", PERSON},
	{"applicant", NULL, PERSON}, {"arzt", "doctor", PERSON},
	{"attendee", NULL, PERSON}, {"author", NULL, PERSON},
	{"auteur", "author", PERSON}, {"autor", "author", PERSON},
	{"ansprechpartner", "contactperson", PERSON},
	{"contactperson", NULL, PERSON}, {"assignee", NULL, PERSON},
	{"assistant", NULL, PERSON},
	{"attorney", NULL, PERSON}, {"caregiver", NULL, PERSON},
	{"claimant", NULL, PERSON}, {"coach", NULL, PERSON},
	{"defendant", NULL, PERSON}, {"director", NULL, PERSON},
	{"founder", NULL, PERSON}, {"heir", NULL, PERSON},
	{"landlord", NULL, PERSON}, {"lawyer", NULL, PERSON},
	{"lessee", NULL, PERSON}, {"nominee", NULL, PERSON},
	{"organizer", NULL, PERSON}, {"pilot", NULL, PERSON},
	{"plaintiff", NULL, PERSON}, {"requester", NULL, PERSON},
	{"requestor", "requester", PERSON}, {"respondent", NULL, PERSON},
	{"speaker", NULL, PERSON}, {"supervisor", NULL, PERSON},
	{"therapist", NULL, PERSON}, {"trustee", NULL, PERSON},
 {"beneficiary", NULL, PERSON},
	{"benutzer", "user", PERSON}, {"bewerber", "applicant", PERSON},
	{"borrower", NULL, PERSON}, {"buyer", NULL, PERSON},
	{"candidate", NULL, PERSON}, {"candidat", "candidate", PERSON},
	{"candidato", "candidate", PERSON}, {"cardholder", "holder", PERSON},
	{"child", NULL, PERSON}, {"citizen", NULL, PERSON},
	{"client", NULL, PERSON | TRAIL}, {"cliente", "client", PERSON | TRAIL},
	{"colaborador", "employee", PERSON | TRAIL},
	{"colleague", NULL, PERSON}, {"consumer", NULL, PERSON},
	{"contact", NULL, PERSON | TRAIL}, {"contacto", "contact", PERSON | TRAIL},
	{"contato", "contact", PERSON | TRAIL},
	{"contatto", "contact", PERSON | TRAIL},
	{"customer", NULL, PERSON | TRAIL}, {"cust", "customer", PERSON},
	{"debtor", NULL, PERSON}, {"dependent", NULL, PERSON},
	{"dipendente", "employee", PERSON | TRAIL}, {"doctor", NULL, PERSON},
	{"donor", NULL, PERSON}, {"driver", NULL, PERSON},
	{"empleado", "employee", PERSON | TRAIL},
	{"employe", "employee", PERSON | TRAIL},
	{"employee", NULL, PERSON | TRAIL}, {"emp", "employee", PERSON | JOIN},
	{"empfaenger", "recipient", PERSON}, {"father", NULL, PERSON},
	{"friend", NULL, PERSON}, {"funcionario", "employee", PERSON | TRAIL},
	{"guardian", NULL, PERSON}, {"guest", NULL, PERSON},
	{"hospede", "guest", PERSON}, {"holder", NULL, PERSON},
	{"inhaber", "holder", PERSON}, {"instructor", NULL, PERSON},
	{"kontakt", "contact", PERSON}, {"kunde", "customer", PERSON},
	{"kunden", "customer", PERSON}, {"lead", NULL, PERSON},
	{"manager", NULL, PERSON}, {"medico", "doctor", PERSON},
	{"member", NULL, PERSON}, {"membre", "member", PERSON},
	{"miembro", "member", PERSON}, {"mitarbeiter", "employee", PERSON},
	{"mitglied", "member", PERSON}, {"mitglieder", "member", PERSON},
	{"mother", NULL, PERSON}, {"nurse", NULL, PERSON},
	{"occupant", NULL, PERSON}, {"owner", NULL, PERSON},
	{"paciente", "patient", PERSON | TRAIL},
	{"parent", NULL, PERSON}, {"participant", NULL, PERSON},
	{"partner", NULL, PERSON},
	{"passenger", NULL, PERSON}, {"patient", NULL, PERSON | TRAIL},
	{"patienten", "patient", PERSON}, {"payee", NULL, PERSON},
	{"payer", NULL, PERSON}, {"paziente", "patient", PERSON | TRAIL},
	{"people", "person", PERSON}, {"person", NULL, PERSON},
	{"persona", "person", PERSON}, {"personal", NULL, TRAIL},
	{"personen", "person", PERSON}, {"personne", "person", PERSON},
	{"personnel", NULL, PERSON}, {"pessoa", "person", PERSON},
	{"physician", NULL, PERSON}, {"player", NULL, PERSON},
	{"policyholder", "holder", PERSON}, {"profile", NULL, PERSON},
	{"professor", "teacher", PERSON}, {"prospect", NULL, PERSON},
	{"recipient", NULL, PERSON}, {"referrer", NULL, PERSON},
	{"relative", NULL, PERSON}, {"renter", NULL, PERSON},
	{"representative", NULL, PERSON}, {"resident", NULL, PERSON},
	{"reviewer", NULL, PERSON}, {"salarie", "employee", PERSON | TRAIL},
	{"salesperson", "employee", PERSON}, {"sender", NULL, PERSON},
	{"signer", NULL, PERSON}, {"spouse", NULL, PERSON},
	{"staff", NULL, PERSON}, {"student", NULL, PERSON},
	{"schueler", "student", PERSON}, {"subscriber", NULL, PERSON},
	{"teacher", NULL, PERSON}, {"tenant", NULL, 0},
	{"titular", "holder", PERSON}, {"traveler", NULL, PERSON},
	{"traveller", NULL, PERSON}, {"trabajador", "employee", PERSON | TRAIL},
	{"user", NULL, PERSON | TRAIL}, {"usr", "user", PERSON | JOIN},
	{"usuario", "user", PERSON | TRAIL},
	{"utente", "user", PERSON | TRAIL},
	{"utilisateur", "user", PERSON | TRAIL}, {"visitor", NULL, PERSON},
	{"volunteer", NULL, PERSON}, {"vendedor", "employee", PERSON},
	{"witness", NULL, PERSON}, {"worker", NULL, PERSON},
	{"approver", NULL, PERSON}, {"auditor", NULL, PERSON},
	{"biometric", NULL, PERSON}, {"ceo", NULL, PERSON},
	{"cfo", NULL, PERSON}, {"cto", NULL, PERSON},
	{"chairman", NULL, PERSON}, {"creator", NULL, PERSON},
	{"inspector", NULL, PERSON}, {"president", NULL, PERSON},
	{"technician", NULL, PERSON}, {"husband", "spouse", PERSON},
	{"wife", "spouse", PERSON}, {"conjoint", "spouse", PERSON | TRAIL},
	{"conyuge", "spouse", PERSON | TRAIL},
	{"conjuge", "spouse", PERSON | TRAIL},
	{"coniuge", "spouse", PERSON | TRAIL},
	{"madre", "mother", PERSON | TRAIL}, {"padre", "father", PERSON | TRAIL},
	{"mae", "mother", PERSON | TRAIL}, {"mere", "mother", PERSON | TRAIL},
	{"pere", "father", PERSON | TRAIL},
	{"proprio", "holder", PERSON}, {"proprietaire", "owner", PERSON},
	{"clienti", "client", PERSON}, {"dipendenti", "employee", PERSON},
	{"pazienti", "patient", PERSON}, {"utenti", "user", PERSON},
	{"studenti", "student", PERSON}, {"socpeople", "person", PERSON},
	{"klant", "customer", PERSON}, {"klanten", "customer", PERSON},
	{"klient", "customer", PERSON}, {"klienci", "customer", PERSON},
	{"gebruiker", "user", PERSON}, {"medewerker", "employee", PERSON},
	{"pracownik", "employee", PERSON}, {"pracownicy", "employee", PERSON},

	/* what stands before those and is no human */
	{"api", NULL, THING | JOIN}, {"oauth", NULL, THING},
	{"oauth2", NULL, THING},
	{"bot", NULL, THING | JOIN}, {"app", NULL, THING | JOIN},
	{"application", NULL, THING},
	{"service", NULL, THING}, {"device", NULL, THING | MACHINE},
	{"system", NULL, THING}, {"package", NULL, THING},

	/* places and businesses */
	{"airport", NULL, PLACE}, {"branch", NULL, PLACE},
	{"building", NULL, PLACE}, {"company", NULL, PLACE},
	{"companies", "company", PLACE}, {"country", NULL, PLACE},
	{"countries", "country", PLACE}, {"department", NULL, PLACE},
	{"template", NULL, PLACE},
	{"entreprise", "company", PLACE}, {"empresa", "company", PLACE},
	{"azienda", "company", PLACE}, {"firma", "company", PLACE},
	{"facility", NULL, PLACE}, {"facilities", "facility", PLACE},
	{"filiale", "branch", PLACE}, {"hospital", NULL, PLACE},
	{"hotel", NULL, PLACE}, {"location", NULL, PLACE},
	{"lager", "warehouse", PLACE}, {"magasin", "store", PLACE},
	{"office", NULL, PLACE | TRAIL}, {"organisation", "company", PLACE},
	{"organization", "company", PLACE}, {"org", "company", PLACE},
	{"plant", NULL, PLACE}, {"port", NULL, PLACE}, {"region", NULL, PLACE},
	{"restaurant", NULL, PLACE}, {"school", NULL, PLACE},
	{"shop", NULL, PLACE}, {"site", NULL, PLACE},
	{"societe", "company", PLACE}, {"standort", "location", PLACE},
	{"state", NULL, PLACE}, {"province", NULL, PLACE},
	{"station", NULL, PLACE}, {"store", NULL, PLACE},
	{"tienda", "store", PLACE}, {"venue", NULL, PLACE},
	{"warehouse", NULL, PLACE}, {"weather", NULL, PLACE},
	{"zone", NULL, PLACE},

	/* things, which have no home either */
	{"album", NULL, PLACE}, {"asset", NULL, PLACE}, {"book", NULL, PLACE},
	{"brand", NULL, PLACE}, {"category", NULL, PLACE},
	{"categories", "category", PLACE}, {"channel", NULL, PLACE},
	{"club", NULL, PLACE}, {"component", NULL, PLACE},
	{"course", NULL, PLACE}, {"document", NULL, PLACE},
	{"event", NULL, PLACE}, {"forum", NULL, PLACE}, {"item", NULL, PLACE},
	{"module", NULL, PLACE}, {"movie", NULL, PLACE},
	{"permission", NULL, PLACE}, {"plugin", NULL, PLACE},
	{"product", NULL, PLACE}, {"project", NULL, PLACE},
	{"repo", "repository", PLACE}, {"repository", NULL, PLACE},
	{"repositories", "repository", PLACE}, {"role", NULL, PLACE},
	{"tag", NULL, PLACE}, {"team", NULL, PLACE}, {"topic", NULL, PLACE},
	{"track", NULL, PLACE},
	{"currency", NULL, PLACE}, {"currencies", "currency", PLACE},
	{"language", NULL, PLACE}, {"menu", NULL, PLACE},
	/* and these: see is_arrangement */
	{"folder", NULL, NOJOIN}, {"method", NULL, NOJOIN}, {"page", NULL, NOJOIN},
	{"rule", NULL, NOJOIN}, {"setting", NULL, 0},

	/* tables of one person's dealings */
	{"account", NULL, ORDER}, {"acct", "account", 0},
	{"acc", "account", JOIN},
	{"address", NULL, ORDER | TRAIL}, {"addresses", "address", ORDER},
	{"bestellung", "order", ORDER}, {"bestellungen", "order", ORDER},
	{"commande", "order", ORDER}, {"crm", NULL, ORDER},
	{"delivery", NULL, ORDER}, {"deliveries", "delivery", ORDER},
	{"header", NULL, NEUTRAL}, {"invoice", NULL, ORDER},
	{"factura", "invoice", ORDER}, {"facture", "invoice", ORDER},
	{"order", NULL, ORDER}, {"pedido", "order", ORDER},
	{"payment", NULL, ORDER}, {"purchase", NULL, ORDER},
	{"quote", NULL, ORDER}, {"rechnung", "invoice", ORDER},
	{"sale", NULL, ORDER}, {"shipment", NULL, ORDER},
	{"subscription", NULL, ORDER}, {"booking", NULL, ORDER},
	{"reservation", NULL, ORDER}, {"supplier", NULL, ORDER},
	{"transaction", NULL, ORDER}, {"checkout", NULL, ORDER},
	{"registration", NULL, ORDER},

	/* the last word of a table's name that says nothing */
	{"archive", NULL, NEUTRAL}, {"backup", NULL, NEUTRAL},
	{"base", NULL, NEUTRAL | MACHINE | TRAIL}, {"copy", NULL, NEUTRAL},
	{"data", NULL, NEUTRAL}, {"detail", NULL, NEUTRAL},
	{"entity", NULL, NEUTRAL}, {"history", NULL, NEUTRAL},
	{"info", NULL, NEUTRAL}, {"information", NULL, NEUTRAL},
	{"list", NULL, NEUTRAL}, {"master", NULL, NEUTRAL},
	{"record", NULL, NEUTRAL}, {"table", NULL, NEUTRAL},
	{"tbl", NULL, NEUTRAL}, {"bak", NULL, NEUTRAL},
	{"staging", NULL, NEUTRAL}, {"import", NULL, NEUTRAL},
	{"export", NULL, NEUTRAL}, {"tab", NULL, NEUTRAL},
	{"view", NULL, NEUTRAL}, {"index", NULL, 0},

	/* qualifiers */
	{"alt", NULL, TRAIL}, {"alternate", NULL, TRAIL},
	{"alternative", NULL, TRAIL}, {"additional", NULL, TRAIL},
	{"billing", NULL, TRAIL}, {"business", NULL, TRAIL | OTHER},
	{"canonical", NULL, TRAIL}, {"clean", NULL, TRAIL},
	{"cleaned", NULL, TRAIL},
	{"clear", NULL, TRAIL}, {"cleartext", NULL, TRAIL},
	{"ascii", NULL, TRAIL}, {"biz", NULL, TRAIL}, {"door", NULL, TRAIL}, {"brutto", "gross", TRAIL},
	{"netto", NULL, TRAIL}, {"liefer", "shipping", TRAIL},
	{"rechnungs", "billing", TRAIL}, {"versand", "shipping", TRAIL},
	{"spedizione", "shipping", TRAIL}, {"consegna", "shipping", TRAIL},
	{"fatturazione", "billing", TRAIL}, {"cobranca", "billing", TRAIL},
	{"numeric", NULL, TRAIL}, {"decrypted", NULL, TRAIL},
	{"former", NULL, TRAIL}, {"kana", NULL, TRAIL}, {"kanji", NULL, TRAIL},
	{"latin", NULL, TRAIL}, {"native", NULL, TRAIL},
	{"official", NULL, TRAIL}, {"other", NULL, TRAIL},
	{"phonetic", NULL, TRAIL}, {"sanitised", NULL, TRAIL},
	{"sanitized", NULL, TRAIL}, {"trimmed", NULL, TRAIL},
	{"unconfirmed", NULL, TRAIL}, {"upper", NULL, TRAIL},
	{"confirmation", NULL, TRAIL}, {"crypted", NULL, TRAIL},
	{"current", NULL, TRAIL}, {"day", NULL, TRAIL}, {"default", NULL, TRAIL},
	{"evening", NULL, TRAIL}, {"emergency", NULL, TRAIL},
	{"enc", NULL, TRAIL | JOIN}, {"encrypted", NULL, TRAIL},
	{"entrega", "shipping", TRAIL}, {"envio", "shipping", TRAIL},
	{"facturacion", "billing", TRAIL}, {"facturation", "billing", TRAIL},
	{"field", NULL, TRAIL | OTHER}, {"formatted", NULL, TRAIL},
	{"full", NULL, TRAIL}, {"home", NULL, TRAIL},
	{"livraison", "shipping", TRAIL}, {"lower", NULL, TRAIL},
	{"main", NULL, TRAIL}, {"new", NULL, TRAIL | JOIN}, {"norm", NULL, TRAIL},
	{"normalised", NULL, TRAIL}, {"normalized", NULL, TRAIL},
	{"fixe", NULL, TRAIL}, {"fijo", NULL, TRAIL}, {"fisso", NULL, TRAIL},
	{"no", "number", TRAIL | FLAG | JOIN}, {"nr", "number", TRAIL | JOIN},
	{"nro", "number", TRAIL}, {"num", "number", TRAIL | JOIN},
	{"number", NULL, TRAIL}, {"nummer", "number", TRAIL},
	{"numero", "number", TRAIL}, {"old", NULL, TRAIL | JOIN},
	{"one", NULL, TRAIL}, {"two", NULL, TRAIL},
	{"orig", NULL, TRAIL}, {"original", NULL, TRAIL},
	{"perso", NULL, TRAIL}, {"plain", NULL, TRAIL},
	{"plaintext", NULL, TRAIL}, {"prev", NULL, TRAIL},
	{"previous", NULL, TRAIL}, {"primary", NULL, TRAIL},
	{"principal", NULL, TRAIL}, {"privat", "private", TRAIL},
	{"privado", "private", TRAIL}, {"private", NULL, TRAIL},
	{"pro", NULL, TRAIL}, {"raw", NULL, TRAIL | JOIN},
	{"secondary", NULL, TRAIL}, {"shipping", NULL, TRAIL},
	{"str", NULL, TRAIL}, {"string", NULL, TRAIL}, {"temp", NULL, TRAIL},
	{"text", NULL, TRAIL}, {"tmp", NULL, TRAIL | JOIN}, {"trabajo", "work", TRAIL},
	{"travail", "work", TRAIL}, {"txt", NULL, TRAIL}, {"val", NULL, TRAIL},
	{"value", NULL, TRAIL | OTHER}, {"work", NULL, TRAIL},
	{"expected", NULL, TRAIL}, {"proposed", NULL, TRAIL},
	{"e164", NULL, TRAIL}, {"residence", NULL, TRAIL},
	{"permanent", NULL, TRAIL}, {"preferred", NULL, TRAIL},

	/* flags and counts */
	{"allow", NULL, FLAG}, {"allows", NULL, FLAG}, {"can", NULL, FLAG},
	{"count", NULL, FLAG}, {"did", NULL, FLAG}, {"disable", NULL, FLAG},
	{"enable", NULL, FLAG}, {"enabled", NULL, FLAG}, {"has", NULL, FLAG},
	{"have", NULL, FLAG}, {"hide", NULL, FLAG}, {"is", NULL, FLAG},
	{"max", NULL, FLAG}, {"min", NULL, FLAG}, {"must", NULL, FLAG},
	{"needs", NULL, FLAG}, {"require", NULL, FLAG}, {"requires", NULL, FLAG},
	{"same", NULL, FLAG}, {"should", NULL, FLAG}, {"show", NULL, FLAG},
	{"total", NULL, FLAG}, {"use", NULL, FLAG}, {"uses", NULL, FLAG},
	{"was", NULL, FLAG}, {"with", NULL, FLAG},

	/* small words */
	{"of", NULL, DROP}, {"de", NULL, DROP}, {"del", NULL, DROP},
	{"des", NULL, DROP}, {"di", NULL, DROP}, {"do", NULL, DROP},
	{"da", NULL, DROP}, {"du", NULL, DROP}, {"der", NULL, DROP},
	{"la", NULL, DROP}, {"le", NULL, DROP}, {"the", NULL, DROP},
	{"s", NULL, DROP},

	/* machines, before "address" */
	{"bind", NULL, MACHINE}, {"bitcoin", NULL, MACHINE},
	{"broadcast", NULL, MACHINE}, {"btc", NULL, MACHINE},
	{"bus", NULL, MACHINE}, {"contract", NULL, MACHINE},
	{"crypto", NULL, MACHINE}, {"dest", NULL, MACHINE},
	{"destination", NULL, MACHINE}, {"dns", NULL, MACHINE},
	{"dst", NULL, MACHINE | JOIN}, {"end", NULL, MACHINE},
	{"eth", NULL, MACHINE},
	{"ethereum", NULL, MACHINE}, {"firewall", NULL, MACHINE},
	{"from", NULL, MACHINE | TRAIL},
	{"gateway", NULL, MACHINE}, {"hardware", NULL, MACHINE},
	{"host", NULL, MACHINE}, {"http", NULL, MACHINE},
	{"hw", NULL, MACHINE}, {"imap", NULL, MACHINE},
	{"listen", NULL, MACHINE}, {"mem", NULL, MACHINE},
	{"net", NULL, MACHINE},
	{"network", NULL, MACHINE}, {"node", NULL, MACHINE},
	{"peer", NULL, MACHINE}, {"pop", NULL, MACHINE},
	{"pop3", NULL, MACHINE}, {"proxy", NULL, MACHINE},
	{"remote", NULL, MACHINE}, {"reply", NULL, MACHINE},
	{"server", NULL, MACHINE}, {"smtp", NULL, MACHINE},
	{"socket", NULL, MACHINE}, {"source", NULL, MACHINE},
	{"src", NULL, MACHINE | JOIN}, {"start", NULL, MACHINE},
	{"to", NULL, MACHINE | TRAIL}, {"url", NULL, MACHINE | JOIN},
	{"wallet", NULL, MACHINE}, {"web", NULL, MACHINE | JOIN},
	{"website", NULL, MACHINE},

	/* cards that pay nothing */
	{"access", NULL, OTHER}, {"gift", NULL, OTHER}, {"health", NULL, OTHER},
	{"id", NULL, OTHER | JOIN}, {"identity", NULL, OTHER},
	{"insurance", NULL, OTHER}, {"library", NULL, OTHER},
	{"loyalty", NULL, OTHER}, {"membership", NULL, OTHER},
	{"punch", NULL, OTHER}, {"report", NULL, OTHER},
	{"score", NULL, OTHER}, {"sim", NULL, OTHER}, {"time", NULL, OTHER},
	{"graphics", NULL, OTHER}, {"memory", NULL, OTHER | MACHINE},

	/* contact */
	{"email", NULL, 0}, {"emails", "email", 0}, {"courriel", "email", 0},
	{"bcc", NULL, 0},
	{"emailaddress", "email", 0}, {"mailaddress", "email", 0},
	{"correo", "email", 0}, {"electronico", NULL, TRAIL},
	{"electronique", NULL, TRAIL}, {"eletronico", "electronico", TRAIL},
	{"mail", NULL, 0}, {"e", NULL, 0},
	{"phone", NULL, 0}, {"telephone", "phone", 0}, {"tel", "phone", JOIN},
	{"telefon", "phone", 0}, {"telefono", "phone", 0}, {"telefonu", "phone", 0},
	{"telefone", "phone", 0}, {"telefoon", "phone", 0}, {"fon", "phone", 0},
	{"fone", "phone", 0},
	{"telefax", "phone", 0}, {"fax", "phone", JOIN}, {"ph", "phone", 0},
	{"rufnummer", "phone", 0}, {"telnr", "phone", 0},
	{"cellphone", "phone", 0}, {"msisdn", "phone", 0},
	{"mobile", NULL, TRAIL}, {"mobil", "mobile", TRAIL},
	{"movil", "mobile", TRAIL}, {"celular", "mobile", TRAIL},
	{"cellulare", "mobile", TRAIL}, {"portable", "mobile", TRAIL},
	{"handy", "mobile", 0}, {"gsm", "mobile", TRAIL | JOIN},
	{"cell", NULL, TRAIL}, {"whatsapp", "mobile", 0},
	{"landline", "phone", 0},
	{"username", NULL, 0}, {"login", NULL, 0}, {"nicename", "username", 0},
	{"nickname", NULL, 0}, {"screenname", "username", 0},
	{"benutzername", "username", 0}, {"identifiant", "username", 0},
	{"skype", "username", 0}, {"handle", NULL, 0}, {"screen", NULL, 0},
	{"nick", NULL, 0}, {"userid", NULL, 0},
	{"twitter", "socialnet", 0}, {"facebook", "socialnet", 0},
	{"linkedin", "socialnet", 0}, {"instagram", "socialnet", 0},
	{"discord", "socialnet", 0}, {"github", "socialnet", 0},
	{"snapchat", "socialnet", 0}, {"tiktok", "socialnet", 0},
	{"telegram", "socialnet", 0}, {"wechat", "socialnet", 0},
	{"jabber", NULL, MACHINE}, {"jabberid", NULL, 0}, {"xmpp", "jabber", 0},
	{"icq", "jabber", 0},
	{"socialnet", NULL, 0}, {"ftp", NULL, MACHINE},

	/* names */
	{"name", NULL, 0}, {"names", "name", 0}, {"nom", "name", 0},
	{"nombre", "name", 0}, {"nome", "name", 0}, {"naam", "name", 0},
	{"first", NULL, 0}, {"last", NULL, 0}, {"middle", NULL, 0},
	{"given", NULL, 0}, {"family", NULL, 0}, {"famille", "family", 0},
	{"familia", "family", 0}, {"maiden", NULL, 0}, {"sur", NULL, 0},
	{"fore", NULL, 0}, {"legal", NULL, 0}, {"real", NULL, 0},
	{"display", NULL, 0}, {"primer", "first", 0}, {"segundo", "middle", 0},
	{"fname", "forename", 0}, {"lname", "forename", 0},
	{"mname", "forename", 0}, {"forename", NULL, 0},
	{"surname", "forename", 0}, {"vorname", "forename", 0},
	{"nachname", "forename", 0}, {"zuname", "forename", 0},
	{"familienname", "forename", 0}, {"geburtsname", "forename", 0},
	{"prenom", "forename", 0}, {"apellido", "forename", 0},
	{"cognome", "forename", 0}, {"vollname", "forename", 0},
	{"voornaam", "forename", 0}, {"achternaam", "forename", 0},
	{"imie", "forename", 0}, {"nazwisko", "forename", 0},
	{"sobrenome", "forename", 0},
	{"complet", "full", 0}, {"complete", "full", 0}, {"completo", "full", 0},
	{"vollstaendiger", "full", 0}, {"committer", NULL, 0}, {"next", NULL, 0}, {"kin", NULL, 0},
	{"on", NULL, 0},

	/* birth and the rest about a person */
	{"birth", NULL, 0}, {"birthdate", NULL, 0}, {"birthday", "birthdate", 0},
	{"dob", "birthdate", JOIN}, {"dateofbirth", "birthdate", 0},
	{"born", "birthdate", NOJOIN}, {"date", NULL, 0}, {"fecha", "date", 0},
	{"datum", "date", 0}, {"naissance", "birth", 0},
	{"nacimiento", "birth", 0}, {"nascimento", "birth", 0},
	{"nascita", "birth", 0}, {"urodzenia", "birth", 0},
	{"geburts", "birth", 0},
	{"geburtsdatum", "birthdate", 0}, {"geburtstag", "birthdate", 0}, {"gebdatum", "birthdate", 0},
	{"gebdat", "birthdate", 0}, {"geb", "birth", JOIN},
	{"dat", "date", 0},
	{"geboortedatum", "birthdate", 0}, {"year", NULL, 0}, {"month", NULL, 0},
	{"gender", NULL, 0}, {"sex", "gender", JOIN}, {"sexe", "gender", 0},
	{"sexo", "gender", 0}, {"sesso", "gender", 0}, {"genre", NULL, 0},
	{"genero", NULL, 0}, {"geschlecht", "gender", 0},
	{"geslacht", "gender", 0},
	{"ethnicity", NULL, 0}, {"ethnic", NULL, 0},
	{"ethnoracial", "ethnicity", 0}, {"race", NULL, NOJOIN},
	{"religion", "ethnicity", 0}, {"konfession", "ethnicity", 0},
	{"marital", NULL, 0}, {"status", NULL, 0}, {"stato", "status", 0},
	{"situation", NULL, 0}, {"familiale", "family", 0},
	{"familiar", "family", 0}, {"situacion", "situation", 0},
	{"civile", "civil", 0}, {"sexuality", NULL, 0},
	{"preference", NULL, 0}, {"party", NULL, 0}, {"union", NULL, 0},
	{"trade", NULL, 0}, {"luogo", "place", 0}, {"local", "place", 0},
	{"jeune", NULL, 0}, {"fille", NULL, 0}, {"soltera", NULL, 0},
	{"nubile", NULL, 0},
	{"familienstand", "ethnicity", 0}, {"civil", NULL, 0},
	{"estado", "status", 0}, {"etat", "status", 0},
	{"nationality", NULL, 0}, {"nationalite", "nationality", 0},
	{"nacionalidad", "nationality", 0}, {"nacionalidade", "nationality", 0},
	{"nazionalita", "nationality", 0},
	{"staatsangehoerigkeit", "nationality", 0},
	{"citizenship", "nationality", 0}, {"sexual", NULL, 0},
	{"orientation", NULL, 0}, {"political", NULL, 0},
	{"affiliation", NULL, 0}, {"age", NULL, 0}, {"place", NULL, 0},
	{"lieu", "place", 0}, {"lugar", "place", 0}, {"veteran", NULL, 0},
	{"geburtsort", "birthplace", 0}, {"birthplace", NULL, 0},
	{"children", NULL, 0}, {"group", NULL, 0}, {"origin", NULL, 0},

	/* ids of people */
	{"ssn", NULL, JOIN}, {"ss", NULL, 0}, {"ssnid", "ssn", 0},
	{"socialsecuritynumber", "ssn", 0}, {"social", NULL, 0},
	{"security", NULL, 0}, {"securite", "security", 0},
	{"sociale", "social", 0}, {"seguridad", "security", 0},
	{"secu", NULL, 0}, {"national", NULL, 0}, {"nationale", "national", 0},
	{"nacional", "national", 0}, {"nationalid", NULL, 0},
	{"identification", NULL, 0}, {"identite", "identity", OTHER},
	{"identidad", "identity", OTHER}, {"card", NULL, 0},
	{"carte", "card", 0}, {"karte", "card", 0}, {"cards", "card", 0},
	{"carta", "card", 0}, {"tarjeta", "card", 0}, {"cartao", "card", 0},
	{"tax", NULL, JOIN}, {"file", NULL, 0}, {"taxid", NULL, 0},
	{"taxvat", "taxid", 0},
	{"steuer", NULL, 0}, {"steuerid", NULL, 0},
	{"steueridentifikationsnummer", "steuerid", 0},
	{"identifikationsnummer", NULL, 0}, {"fiscal", NULL, 0},
	{"fiscale", "fiscal", 0}, {"codice", "code", 0}, {"codigo", "code", 0},
	{"tin", "nationalno", FIRST}, {"itin", "nationalno", 0},
	{"nino", "nationalno", 0}, {"ni", NULL, 0}, {"dni", "nationalno", JOIN},
	{"nif", "nationalno", JOIN}, {"nie", "nationalno", FIRST},
	{"cpf", "nationalno", JOIN}, {"curp", "nationalno", 0},
	{"pesel", "nationalno", 0}, {"bsn", "nationalno", JOIN},
	{"aadhaar", "nationalno", 0}, {"aadhar", "nationalno", 0},
	{"nric", "nationalno", 0}, {"codicefiscale", "nationalno", 0},
	{"personnummer", "nationalno", 0}, {"personalausweis", "nationalno", 0},
	{"ausweis", "nationalno", 0}, {"ausweisnummer", "nationalno", 0},
	{"sozialversicherungsnummer", "nationalno", 0},
	{"rentenversicherungsnummer", "nationalno", 0},
	{"rvnr", "nationalno", 0}, {"svnr", "nationalno", 0},
	{"ahv", "nationalno", JOIN}, {"cnp", "nationalno", 0},
	{"cuil", "nationalno", 0}, {"cedula", "nationalno", 0},
	{"fodselsnummer", "nationalno", 0}, {"tckn", "nationalno", 0},
	{"kimlik", "nationalno", 0}, {"hetu", "nationalno", 0},
	{"rijksregisternummer", "nationalno", 0}, {"nationalno", NULL, 0},
	{"jmbg", "nationalno", 0}, {"oib", "nationalno", 0},
	{"egn", "nationalno", 0}, {"rrn", "nationalno", 0}, {"rut", "nationalno", FIRST},
	{"bvn", "nationalno", 0}, {"nir", "nationalno", FIRST},
	{"rg", NULL, 0}, {"pis", NULL, 0}, {"nss", NULL, JOIN},
	{"rfc", NULL, JOIN}, {"cuit", NULL, 0}, {"nik", NULL, 0},
	{"sv", NULL, 0}, {"cnh", "driverslicense", 0},
	{"sozialversicherungs", "social", 0},
	{"kvnr", "insuranceno", 0},
	{"krankenversichertennummer", "insuranceno", 0},
	{"krankenversicherungs", "insurance", OTHER}, {"sin", "nationalno", FIRST},
	{"sinid", "nationalno", 0},
	{"voter", NULL, 0}, {"permit", NULL, 0}, {"visa", NULL, 0},
	{"passport", NULL, 0}, {"pasaporte", "passport", 0},
	{"passaporte", "passport", 0}, {"passaporto", "passport", 0},
	{"passeport", "passport", 0}, {"reisepass", "passport", 0},
	{"passportno", "passport", 0}, {"license", NULL, 0},
	{"licence", "license", 0}, {"drivers", "driver", PERSON},
	{"driving", "driver", 0}, {"driverslicense", NULL, 0},
	{"driverlicense", "driverslicense", 0},
	{"fuehrerschein", "driverslicense", 0},
	{"fuehrerscheinnummer", "driverslicense", 0},
	{"permis", "permit", 0}, {"conduire", NULL, 0},
	{"licencia", "license", 0}, {"conducir", "conduire", 0},
	{"carteira", "license", 0}, {"motorista", "conduire", 0},
	{"patente", NULL, 0}, {"guida", NULL, 0}, {"plate", NULL, 0},
	{"licenseplate", NULL, 0}, {"kennzeichen", "licenseplate", 0},
	{"immatriculation", "licenseplate", 0}, {"matricula", "licenseplate", 0},
	{"targa", "licenseplate", 0}, {"vehicle", NULL, 0}, {"car", NULL, 0},
	{"nhs", NULL, JOIN}, {"medicare", NULL, 0}, {"mbi", "medicare", 0},
	{"imei", NULL, 0}, {"identifier", NULL, 0}, {"insured", NULL, 0},
	{"versicherungsnummer", "insuranceno", 0},
	{"versichertennummer", "insuranceno", 0}, {"insuranceno", NULL, 0},
	{"policy", NULL, 0}, {"government", NULL, 0}, {"govt", "government", 0},

	/* machines of people */
	{"mac", NULL, MACHINE | JOIN}, {"macaddress", "mac", 0},
	{"macaddr", "mac", 0},
	{"hwaddr", "mac", 0}, {"bssid", "mac", 0}, {"ethernet", NULL, 0},
	{"ip", NULL, MACHINE | JOIN}, {"ips", "ip", 0}, {"ipaddress", "ip", 0},
	{"ipaddr", "ip", 0}, {"ipv4", "ip", MACHINE}, {"ipv6", "ip", MACHINE},
	{"v", NULL, TRAIL}, {"lat", NULL, JOIN}, {"latitude", "lat", 0},
	{"lng", "lat", JOIN}, {"lon", "lat", JOIN}, {"long", NULL, NOJOIN},
	{"longitude", "lat", 0}, {"latitud", "lat", 0}, {"latlon", "lat", 0},
	{"latlong", "lat", 0},
	{"latlng", "lat", 0}, {"longitud", "lat", 0},
	{"geo", NULL, JOIN}, {"gps", NULL, JOIN}, {"coordinate", NULL, 0},
	{"coord", "coordinate", 0}, {"coordinates", "coordinate", 0},
	{"geolocation", "coordinate", 0}, {"geoloc", "coordinate", 0},
	{"point", NULL, 0}, {"breitengrad", "lat", 0}, {"laengengrad", "lat", 0},

	/* where a person lives */
	{"addr", "address", ORDER | TRAIL}, {"adr", "address", ORDER | JOIN},
	{"adresse", "address", ORDER}, {"adressen", "address", ORDER},
	{"adres", "address", ORDER}, {"woonadres", "address", ORDER},
	{"anschrift", "address", ORDER}, {"direccion", "address", ORDER},
	{"direcciones", "address", ORDER}, {"endereco", "address", ORDER},
	{"indirizzo", "address", ORDER}, {"domicilio", "address", ORDER},
	{"domicile", "address", ORDER}, {"line", NULL, TRAIL | NOJOIN},
	{"addressline", "address", 0}, {"street", NULL, 0},
	{"streetaddress", "street", 0}, {"strasse", "street", 0}, {"logradouro", "street", 0},
	{"bairro", "city", PLACE}, {"barrio", "city", PLACE},
	{"rue", "street", 0}, {"calle", "street", NOJOIN},
	{"hausnummer", "street", 0}, {"hausnr", "street", 0},
	{"straat", "street", 0}, {"huisnummer", "street", 0},
	{"ulica", "street", 0}, {"haus", "house", 0}, {"huis", "house", 0},
	{"house", NULL, 0}, {"apartment", NULL, 0}, {"apt", "apartment", 0},
	{"sort", NULL, NOJOIN | FIRST},
	{"city", NULL, PLACE}, {"cities", "city", PLACE}, {"town", "city", PLACE},
	{"ville", "city", PLACE}, {"ciudad", "city", PLACE},
	{"cidade", "city", PLACE}, {"citta", "city", PLACE},
	{"stadt", "city", PLACE}, {"ort", "city", PLACE},
	{"wohnort", "homecity", 0}, {"woonplaats", "homecity", 0},
	{"miasto", "city", PLACE}, {"pincode", NULL, 0}, {"cp", NULL, 0},
	{"kod", "code", 0}, {"pocztowy", "postal", 0}, {"homecity", NULL, 0},
	{"village", NULL, PLACE}, {"locality", "city", PLACE},
	{"municipio", "city", PLACE}, {"suburb", "city", PLACE},
	{"zip", NULL, JOIN}, {"zipcode", "zip", 0}, {"postcode", "zip", 0},
	{"postalcode", "zip", 0}, {"plz", "zip", JOIN}, {"postleitzahl", "zip", 0},
	{"cep", "zip", 0}, {"postal", NULL, 0}, {"postale", "postal", 0},
	{"post", NULL, 0}, {"code", NULL, 0}, {"ship", NULL, NOJOIN | FIRST},
	{"bill", NULL, 0},

	/* money */
	{"iban", NULL, 0}, {"bank", NULL, 0}, {"bancaire", "bank", 0},
	{"bancaria", "bank", 0}, {"bancario", "bank", 0}, {"konto", "account", 0},
	{"kontonummer", "bankaccountno", 0}, {"kontonr", "bankaccountno", 0},
	{"cuenta", "account", ORDER}, {"compte", "account", ORDER},
	{"conta", "account", ORDER}, {"conto", "account", ORDER},
	{"bankaccountno", NULL, 0}, {"rib", "bankaccountno", 0},
	{"bban", "bankaccountno", 0}, {"clabe", "bankaccountno", 0},
	{"credit", NULL, 0}, {"credito", "credit", 0}, {"debit", NULL, 0},
	{"debito", "debit", 0}, {"creditcard", NULL, 0},
	{"cc", NULL, 0}, {"pan", NULL, FIRST}, {"cardpan", "creditcardno", 0}, {"ccnumber", "creditcardno", 0},
	{"ccnum", "creditcardno", 0}, {"ccno", "creditcardno", 0},
	{"creditcardno", NULL, 0}, {"kreditkarte", "creditcard", 0},
	{"kreditkarten", "creditcard", 0},
	{"kreditkartennummer", "creditcardno", 0},
	{"cvv", "creditcardno", JOIN}, {"cvv2", "creditcardno", 0},
	{"cvc", "creditcardno", JOIN},
	{"salary", NULL, 0}, {"payrate", "salary", 0}, {"wage", "salary", 0}, {"gehalt", "salary", 0},
	{"lohn", "salary", 0}, {"salaire", "salary", 0}, {"sueldo", "salary", 0},
	{"salario", "salary", 0}, {"stipendio", "salary", 0},
	{"nomina", "salary", 0}, {"extra", NULL, 0}, {"income", NULL, 0},
	{"einkommen", "income", 0}, {"compensation", NULL, 0},
	{"remuneration", "compensation", 0}, {"annual", NULL, TRAIL},
	{"monthly", NULL, 0}, {"yearly", NULL, 0}, {"household", NULL, 0},
	{"hourly", NULL, TRAIL}, {"rate", NULL, NOJOIN}, {"pay", NULL, JOIN},
	{"gross", NULL, TRAIL}, {"worth", NULL, 0}, {"amount", NULL, 0},

	/* health */
	{"diagnosis", NULL, 0}, {"diagnose", "diagnosis", 0},
	{"diagnostic", NULL, 0}, {"diagnoses", "diagnosis", 0},
	{"diagnostico", "diagnosis", 0}, {"allergy", NULL, 0},
	{"allergies", "allergy", 0}, {"allergie", "allergy", 0},
	{"allergen", "allergy", 0}, {"alergia", "allergy", 0},
	{"blood", NULL, 0}, {"blutgruppe", "bloodgroup", 0}, {"sangre", "blood", 0},
	{"sanguin", "blood", 0}, {"sanguineo", "blood", 0},
	{"sanguigno", "blood", 0}, {"groupe", "group", 0},
	{"grupo", "group", 0}, {"gruppo", "group", 0}, {"tipo", "type", 0},
	{"historia", "history", 0}, {"historial", "history", 0},
	{"clinica", "clinical", 0}, {"clinical", NULL, 0},
	{"bloodgroup", NULL, 0}, {"bloodtype", "bloodgroup", 0},
	{"type", NULL, 0}, {"medication", NULL, 0}, {"prescription", NULL, 0},
	{"symptom", NULL, 0}, {"disability", NULL, 0},
	{"disabilities", "disability", 0}, {"handicap", "disability", 0},
	{"medical", NULL, 0}, {"mrn", NULL, JOIN}, {"death", NULL, 0},
	{"deceased", "death", 0}, {"cause", NULL, 0},
	{"condition", NULL, 0}, {"coded", NULL, TRAIL}, {"non", NULL, TRAIL},
	{"note", NULL, 0}, {"vaccination", NULL, 0}, {"pregnancy", NULL, 0},
	{"icd", NULL, JOIN}, {"icd10", "icd", 0}, {"hiv", NULL, JOIN},
	{"krankheit", "diagnosis", 0}, {"medikament", "medication", 0},
	{"treatment", NULL, 0},
	{"pressure", NULL, 0}, {"bmi", NULL, 0}, {"height", NULL, 0},
	{"weight", NULL, 0}, {"cm", NULL, TRAIL}, {"kg", NULL, TRAIL},
	{"smoker", NULL, 0}, {"smoking", NULL, 0}, {"lab", NULL, 0},
	{"result", NULL, 0}, {"reaction", NULL, 0}, {"vital", NULL, 0},

	/* secrets */
	{"password", NULL, 0}, {"passwd", "password", 0},
	{"pwd", "password", JOIN},
	{"passwort", "password", 0}, {"kennwort", "password", 0},
	{"contrasena", "password", 0}, {"contrasenia", "password", 0},
	{"senha", "password", 0}, {"wachtwoord", "password", 0},
	{"haslo", "password", 0}, {"mdp", "password", 0},
	{"passwordhash", "passhash", 0}, {"passhash", NULL, 0},
	{"pass", NULL, 0}, {"passphrase", "secret", 0}, {"phrase", NULL, 0},
	{"passcode", "secret", 0}, {"mot", NULL, 0}, {"passe", NULL, 0},
	{"hash", NULL, 0}, {"digest", NULL, 0}, {"hashed", NULL, 0},
	{"salt", NULL, 0}, {"secret", NULL, 0}, {"geheimnis", "secret", 0},
	{"token", NULL, 0}, {"jeton", "token", 0}, {"key", NULL, JOIN},
	{"apikey", "secret", 0}, {"auth", NULL, 0}, {"session", NULL, 0},
	{"sessionid", NULL, 0}, {"sid", NULL, 0}, {"sessid", "sessionid", 0},
	{"signing", NULL, 0}, {"encryption", NULL, 0}, {"activation", NULL, 0},
	{"answer", NULL, 0}, {"totp", NULL, 0}, {"seed", NULL, 0},
	{"otp", NULL, JOIN}, {"mfa", NULL, JOIN}, {"psk", "preshared", JOIN},
	{"preshared", NULL, 0}, {"shared", NULL, 0}, {"pre", NULL, NOJOIN},
	{"mnemonic", NULL, 0}, {"tfa", "mfa", 0},
	{"scratch", NULL, 0}, {"rescue", "scratch", 0}, {"jwt", NULL, JOIN},
	{"pin", NULL, JOIN},
	{"recovery", NULL, 0}, {"verification", NULL, 0}, {"reset", NULL, 0},
	{"credential", "secret", 0}, {"variable", NULL, 0},
	{"giftcard", NULL, 0}, {"webhook", NULL, 0}, {"slack", NULL, 0},
	{"connection", NULL, 0}, {"tls", NULL, TRAIL}, {"wifi", NULL, TRAIL}, {"dsn", NULL, 0}, {"bearer", NULL, 0},
	{"cookie", NULL, 0}, {"ssh", NULL, JOIN}, {"pem", NULL, TRAIL},
	{"forwarded", NULL, 0}, {"for", NULL, 0}, {"x", NULL, 0},
	{"comment", NULL, 0}, {"vendor", "supplier", ORDER},
	{"payroll", "pay", 0}, {"transfer", "payment", ORDER},
	{"block", NULL, 0}, {"ban", NULL, 0}, {"kms", NULL, 0},
	{"refresh", NULL, 0}, {"magic", NULL, 0}, {"link", NULL, 0},
	{"hmac", NULL, 0}, {"public", NULL, 0}, {"invite", NULL, 0},
	{"confirm", NULL, 0},
	{"twofa", "mfa", 0}, {"push", NULL, 0}, {"prefix", NULL, 0},
	{"attr", NULL, 0},

	/* pictures */
	{"photo", NULL, 0}, {"photograph", "photo", 0}, {"foto", "photo", 0},
	{"picture", "photo", 0}, {"portrait", "photo", 0},
	{"selfie", "photo", 0}, {"signature", NULL, 0}, {"fingerprint", NULL, 0},
	{"face", NULL, NOJOIN}, {"thumbnail", NULL, TRAIL}
};

/* ---- types ---- */

/* What a type says about the classes its values can have. */
typedef enum TypeFamily
{
	FAMILY_TEXT = 1,			/* and whatever is not known */
	FAMILY_BIGINT = 2,			/* holds the digits of a phone or card */
	FAMILY_INT = 4,
	FAMILY_DATE = 8,
	FAMILY_UUID = 16,
	FAMILY_OTHER = 32,			/* boolean, ranges ... */
	FAMILY_ENUM = 64,
	FAMILY_FLOAT = 128,
	FAMILY_BINARY = 256,
	FAMILY_INET = 512,
	FAMILY_MAC = 1024,
	FAMILY_POINT = 2048,
	FAMILY_SMALL = 4096			/* smallint */
} TypeFamily;

#define TEXTS FAMILY_TEXT
#define NUMBERS (FAMILY_TEXT | FAMILY_BIGINT)
#define SMALL_NUMBERS (NUMBERS | FAMILY_INT)
#define DATES (FAMILY_TEXT | FAMILY_DATE)
#define TOKENS (FAMILY_TEXT | FAMILY_UUID | FAMILY_BINARY)
#define CODES (FAMILY_TEXT | FAMILY_ENUM | FAMILY_INT | FAMILY_SMALL)
#define PLACES (FAMILY_TEXT | FAMILY_FLOAT | FAMILY_BIGINT | FAMILY_POINT)
#define MONEY (FAMILY_TEXT | FAMILY_FLOAT | FAMILY_BIGINT | FAMILY_INT)
#define MEASURES (CODES | NUMBERS | FAMILY_FLOAT)
#define PICTURES FAMILY_BINARY
#define SCANS (FAMILY_TEXT | FAMILY_BINARY)

static TypeFamily
type_family(const char *type_name)
{
	static const struct
	{
		const char *name;
		TypeFamily	family;
	}			families[] = {
		{"text", FAMILY_TEXT}, {"character varying", FAMILY_TEXT},
		{"varchar", FAMILY_TEXT},
		{"bool", FAMILY_OTHER}, {"boolean", FAMILY_OTHER},
		{"flag", FAMILY_OTHER}, {"bit", FAMILY_OTHER},
		{"varbit", FAMILY_OTHER}, {"bit varying", FAMILY_OTHER},
		{"namestyle", FAMILY_OTHER},
		{"float", FAMILY_FLOAT}, {"float4", FAMILY_FLOAT},
		{"float8", FAMILY_FLOAT}, {"real", FAMILY_FLOAT},
		{"double", FAMILY_FLOAT}, {"double precision", FAMILY_FLOAT},
		{"money", FAMILY_FLOAT}, {"interval", FAMILY_OTHER},
		{"time", FAMILY_OTHER}, {"timetz", FAMILY_OTHER},
		{"time without time zone", FAMILY_OTHER},
		{"time with time zone", FAMILY_OTHER},
		{"inet", FAMILY_INET}, {"cidr", FAMILY_OTHER},
		{"macaddr", FAMILY_MAC}, {"macaddr8", FAMILY_MAC},
		{"enum", FAMILY_ENUM}, {"range", FAMILY_OTHER},
		{"oid", FAMILY_OTHER}, {"xid", FAMILY_OTHER},
		{"regclass", FAMILY_OTHER}, {"regrole", FAMILY_OTHER},
		{"point", FAMILY_POINT}, {"polygon", FAMILY_OTHER},
		{"geometry", FAMILY_POINT}, {"geography", FAMILY_POINT},
		{"tsvector", FAMILY_OTHER}, {"tsquery", FAMILY_OTHER},
		{"bytea", FAMILY_BINARY}, {"blob", FAMILY_BINARY},
		{"longblob", FAMILY_BINARY}, {"mediumblob", FAMILY_BINARY},
		{"image", FAMILY_BINARY}, {"binary", FAMILY_BINARY},
		{"varbinary", FAMILY_BINARY},
		{"bigint", FAMILY_BIGINT}, {"int8", FAMILY_BIGINT},
		{"numeric", FAMILY_BIGINT}, {"decimal", FAMILY_BIGINT},
		{"bigserial", FAMILY_BIGINT},
		{"int", FAMILY_INT}, {"integer", FAMILY_INT},
		{"int4", FAMILY_INT}, {"serial", FAMILY_INT},
		{"int2", FAMILY_SMALL}, {"smallint", FAMILY_SMALL},
		{"tinyint", FAMILY_SMALL}, {"mediumint", FAMILY_INT},
		{"date", FAMILY_DATE}, {"datetime", FAMILY_DATE},
		{"timestamp", FAMILY_DATE}, {"timestamptz", FAMILY_DATE},
		{"timestamp without time zone", FAMILY_DATE},
		{"timestamp with time zone", FAMILY_DATE},
		{"uuid", FAMILY_UUID},
	};
	char		base[64];
	int			n = 0;
	int			depth = 0;

	if (type_name == NULL)
		return FAMILY_TEXT;

	/* lower case, without (20), [] and spaces at the ends */
	for (const char *p = type_name; *p != '\0' && n < sizeof(base) - 1; p++)
	{
		if (*p == '(' || *p == '[')
			depth++;
		else if (*p == ')' || *p == ']')
			depth--;
		else if (depth <= 0 &&
				 !(*p == ' ' && (n == 0 || base[n - 1] == ' ')))
			base[n++] = pg_ascii_tolower((unsigned char) *p);
	}
	while (n > 0 && base[n - 1] == ' ')
		n--;
	base[n] = '\0';

	for (int i = 0; i < lengthof(families); i++)
		if (strcmp(base, families[i].name) == 0)
			return families[i].family;
	if (n > 5 && strcmp(base + n - 5, "range") == 0)
		return FAMILY_OTHER;
	return FAMILY_TEXT;
}

/* ---- phrases ---- */

/* What a phrase needs around it. */
typedef enum Condition
{
	ALWAYS,
	ALONE,						/* nothing else but people and qualifiers */
	PERSON_TABLE,				/* the table is one of people */
	PERSON_TABLE_ALONE,			/* and there is no other word */
	PERSON_ANY,					/* or a person is named anywhere */
	PERSON_BEFORE,				/* a person before it, or such a table */
	PERSON_AFTER,
	DISPLAY_NAME,				/* such a table, or one of accounts */
	HOME,						/* not a machine's or a business's address */
	CITY,						/* of a person, an address, an order */
	NO_PLACE,					/* the table is not one of places */
	HOME_TABLE,					/* of people or addresses, no other word */
	ADDRESS_TABLE,				/* of addresses, nothing before */
	PATIENT_TABLE,
	ALLERGY_TABLE,
	LOGIN_TABLE,				/* of people or programs, not of dealings */
	PUSH_TABLE,					/* of subscriptions of web push */
	ENCRYPTED,					/* after "encrypted" */
	NICKNAME,					/* not of a key, a card or a car */
	SOCIAL,						/* of a person, not of a company */
	PAY_CARD,
	PASSWORD,					/* of a person: a hash; else a secret */
	SALT,						/* beside a password or a person */
	BANK,						/* the table says that it is about money */
	NO_COMPANY,
	USERNAME,
	KEY_TABLE,					/* the table is one of keys or variables */
	GIFT_TABLE,
	SESSION,
	OF_EMAIL,					/* the table is one of emails */
	PAY_TABLE,					/* of what people are paid */
	BANK_TABLE,
	CARD_TABLE,					/* of cards to pay with, or of accounts */
	CREDIT_TABLE,				/* of credit cards */
	CAR_TABLE,
	MAIL
} Condition;

typedef struct Phrase
{
	const char *phrase;			/* words as they are meant */
	const char *class_name;
	int			types;			/* families of types that can hold it */
	Condition	condition;
} Phrase;

/* Of those that end in the same word the longest comes first. */
static const Phrase phrases[] = {
	{"email address", "email", TEXTS, ALWAYS},
	{"address email", "email", TEXTS, ALWAYS},
	{"mail address", "email", TEXTS, ALWAYS},
	{"address mail", "email", TEXTS, ALWAYS},
	{"e mail address", "email", TEXTS, ALWAYS},
	{"e mail", "email", TEXTS, ALWAYS},
	{"email", "email", TEXTS, ALWAYS},
	{"mail from address", "email", TEXTS, ALWAYS},
	{"address", "email", TEXTS, OF_EMAIL},
	{"bcc", "email", TEXTS, OF_EMAIL},
	{"cc", "email", TEXTS, OF_EMAIL},
	{"from", "email", TEXTS, OF_EMAIL},
	{"reply to", "email", TEXTS, OF_EMAIL},
	{"to", "email", TEXTS, OF_EMAIL},
	{"mail", "email", TEXTS, MAIL},

	{"mobile phone", "phone", NUMBERS, ALWAYS},
	{"phone", "phone", NUMBERS, ALWAYS},
	{"mobile", "phone", NUMBERS, ALONE},
	{"cell number", "phone", NUMBERS, ALWAYS},
	{"cell", "phone", NUMBERS, PERSON_TABLE},
	{"cell", "phone", NUMBERS, HOME_TABLE},
	{"contact number", "phone", NUMBERS, ALWAYS},
	{"emergency number", "phone", NUMBERS, PERSON_TABLE},

	{"user name", "username", TEXTS, USERNAME},
	{"name user", "username", TEXTS, USERNAME},
	{"login name", "username", TEXTS, USERNAME},
	{"screen name", "username", TEXTS, USERNAME},
	{"user login", "username", TEXTS, USERNAME},
	{"username", "username", TEXTS, USERNAME},
	{"login id", "username", TEXTS, ALWAYS},
	{"login", "username", TEXTS, ALONE},
	{"handle", "username", TEXTS, PERSON_TABLE},
	{"nick name", "username", TEXTS, NICKNAME},
	{"nickname", "username", TEXTS, NICKNAME},
	{"socialnet handle", "username", TEXTS, ALWAYS},
	{"socialnet login", "username", TEXTS, ALWAYS},
	{"socialnet", "username", TEXTS, SOCIAL},
	{"jabber id", "username", TEXTS, ALWAYS},
	{"jabberid", "username", TEXTS, ALWAYS},
	{"jabber address", "username", TEXTS, ALWAYS},
	{"jabber", "username", TEXTS, SOCIAL},
	{"imap login", "username", TEXTS, ALWAYS},
	{"smtp login", "username", TEXTS, ALWAYS},
	{"pop3 login", "username", TEXTS, ALWAYS},
	{"ftp login", "username", TEXTS, ALWAYS},

	{"first name", "person_name", TEXTS, ALWAYS},
	{"last name", "person_name", TEXTS, ALWAYS},
	{"middle name", "person_name", TEXTS, ALWAYS},
	{"given name", "person_name", TEXTS, ALWAYS},
	{"family name", "person_name", TEXTS, NO_PLACE},
	{"full name", "person_name", TEXTS, NO_PLACE},
	{"name full", "person_name", TEXTS, NO_PLACE},
	{"name family", "person_name", TEXTS, ALWAYS},
	{"maiden name", "person_name", TEXTS, ALWAYS},
	{"sur name", "person_name", TEXTS, ALWAYS},
	{"fore name", "person_name", TEXTS, ALWAYS},
	{"birth name", "person_name", TEXTS, ALWAYS},
	{"name first", "person_name", TEXTS, ALWAYS},
	{"name last", "person_name", TEXTS, ALWAYS},
	{"name middle", "person_name", TEXTS, ALWAYS},
	{"forename", "person_name", TEXTS, ALWAYS},
	{"name on card", "person_name", TEXTS, ALWAYS},
	{"card holder", "person_name", TEXTS, ALWAYS},
	{"account holder", "person_name", TEXTS, ALWAYS},
	{"cc owner", "person_name", TEXTS, ALWAYS},
	{"emergency contact", "person_name", TEXTS, ALWAYS},
	{"comment author", "person_name", TEXTS, ALWAYS},
	{"billing name", "person_name", TEXTS, ALWAYS},
	{"shipping name", "person_name", TEXTS, ALWAYS},
	{"next kin", "person_name", TEXTS, ALWAYS},
	{"contactperson", "person_name", TEXTS, ALONE},
	{"assistant", "person_name", TEXTS, PERSON_TABLE},
	{"billing detail name", "person_name", TEXTS, ALWAYS},
	{"shipping detail name", "person_name", TEXTS, ALWAYS},
	{"contact person", "person_name", TEXTS, ALWAYS},
	{"name jeune fille", "person_name", TEXTS, ALWAYS},
	{"name soltera", "person_name", TEXTS, ALWAYS},
	{"forename soltera", "person_name", TEXTS, ALWAYS},
	{"name nubile", "person_name", TEXTS, ALWAYS},
	{"sort name", "person_name", TEXTS, PERSON_TABLE},
	{"holder", "person_name", TEXTS, CARD_TABLE},
	{"ship to name", "person_name", TEXTS, ALWAYS},
	{"bill to name", "person_name", TEXTS, ALWAYS},
	{"ship name", "person_name", TEXTS, ALWAYS},
	{"bill name", "person_name", TEXTS, ALWAYS},
	{"recipient", "person_name", TEXTS, ALONE},
	{"sender", "person_name", TEXTS, ALONE},
	{"display name", "person_name", TEXTS, DISPLAY_NAME},
	{"real name", "person_name", TEXTS, DISPLAY_NAME},
	{"legal name", "person_name", TEXTS, PERSON_TABLE},
	{"name", "person_name", TEXTS, PERSON_BEFORE},

	{"birth date", "date_of_birth", DATES, ALWAYS},
	{"date birth", "date_of_birth", DATES, ALWAYS},
	{"data birth", "date_of_birth", DATES, ALWAYS},
	{"birth day", "date_of_birth", DATES, ALWAYS},
	{"birthdate on", "date_of_birth", DATES, ALWAYS},
	{"birthdate", "date_of_birth", DATES, ALWAYS},
	{"birth year", "date_of_birth", DATES | CODES, ALWAYS},
	{"year birth", "date_of_birth", DATES | CODES, ALWAYS},
	{"birth", "date_of_birth", FAMILY_DATE, ALWAYS},

	{"gender", "demographic", CODES, ALWAYS},
	{"genero", "demographic", CODES, PERSON_TABLE},
	{"genre", "demographic", CODES, PERSON_TABLE},
	{"ethnicity", "demographic", CODES, ALWAYS},
	{"ethnic group", "demographic", CODES, ALWAYS},
	{"ethnic origin", "demographic", CODES, ALWAYS},
	{"race", "demographic", CODES, PERSON_TABLE},
	{"marital status", "demographic", CODES, ALWAYS},
	{"civil status", "demographic", CODES, ALWAYS},
	{"status civil", "demographic", CODES, ALWAYS},
	{"marital", "demographic", CODES, ALWAYS},
	{"situation family", "demographic", CODES, ALWAYS},
	{"sexual preference", "demographic", CODES, ALWAYS},
	{"sexuality", "demographic", CODES, ALWAYS},
	{"political party", "demographic", CODES, PERSON_TABLE},
	{"party affiliation", "demographic", CODES, ALWAYS},
	{"trade union", "demographic", CODES, PERSON_TABLE},
	{"union membership", "demographic", CODES, ALWAYS},
	{"nationality", "demographic", CODES, ALWAYS},
	{"sexual orientation", "demographic", CODES, ALWAYS},
	{"political affiliation", "demographic", CODES, ALWAYS},
	{"age", "demographic", CODES, PERSON_ANY},
	{"birthplace", "demographic", TEXTS, ALWAYS},
	{"birth place", "demographic", TEXTS, ALWAYS},
	{"place birth", "demographic", TEXTS, ALWAYS},
	{"birth city", "demographic", TEXTS, ALWAYS},
	{"country birth", "demographic", CODES, ALWAYS},
	{"birth country", "demographic", CODES, ALWAYS},

	{"ssn", "us_ssn", SMALL_NUMBERS, ALWAYS},
	{"ss", "us_ssn", SMALL_NUMBERS, PERSON_ANY},
	{"social security", "us_ssn", SMALL_NUMBERS, ALWAYS},
	{"security social", "national_id", SMALL_NUMBERS, ALWAYS},
	{"number secu", "national_id", SMALL_NUMBERS, ALWAYS},
	{"number security social", "national_id", SMALL_NUMBERS, ALWAYS},
	{"social insurance", "national_id", SMALL_NUMBERS, ALWAYS},
	{"steuer id", "de_tax_id", SMALL_NUMBERS, ALWAYS},
	{"steuer number", "de_tax_id", SMALL_NUMBERS, ALWAYS},
	{"steuer identifikationsnummer", "de_tax_id", SMALL_NUMBERS, ALWAYS},
	{"steuerid", "de_tax_id", SMALL_NUMBERS, ALWAYS},
	{"national id", "national_id", SMALL_NUMBERS, ALWAYS},
	{"nationalid", "national_id", SMALL_NUMBERS, ALWAYS},
	{"national id number", "national_id", SMALL_NUMBERS, ALWAYS},
	{"national identity number", "national_id", SMALL_NUMBERS, ALWAYS},
	{"national identification number", "national_id", SMALL_NUMBERS, ALWAYS},
	{"national identifier", "national_id", SMALL_NUMBERS, ALWAYS},
	{"national registration", "national_id", SMALL_NUMBERS, ALWAYS},
	{"national number", "national_id", SMALL_NUMBERS, ALWAYS},
	{"national insurance", "national_id", SMALL_NUMBERS, ALWAYS},
	{"ni number", "national_id", SMALL_NUMBERS, ALWAYS},
	{"identity number", "national_id", SMALL_NUMBERS, ALWAYS},
	{"identification number", "national_id", SMALL_NUMBERS, PERSON_ANY},
	{"identification id", "national_id", SMALL_NUMBERS, PERSON_ANY},
	{"identity card", "national_id", SMALL_NUMBERS | FAMILY_BINARY,
	ALWAYS},
	{"card identity", "national_id", SMALL_NUMBERS | FAMILY_BINARY,
	ALWAYS},
	{"id card", "national_id", SMALL_NUMBERS | FAMILY_BINARY,
	ALWAYS},
	{"id number", "national_id", NUMBERS, PERSON_TABLE},
	{"government id", "national_id", SMALL_NUMBERS, ALWAYS},
	{"personal id", "national_id", SMALL_NUMBERS, PERSON_TABLE},
	{"personal number", "national_id", SMALL_NUMBERS, PERSON_TABLE},
	{"citizen id", "national_id", SMALL_NUMBERS, ALWAYS},
	{"resident id", "national_id", NUMBERS, PERSON_TABLE},
	{"voter id", "national_id", SMALL_NUMBERS, ALWAYS},
	{"insurance number", "national_id", SMALL_NUMBERS, ALWAYS},
	{"insurance id", "national_id", TEXTS, PERSON_TABLE},
	{"insuranceno", "national_id", SMALL_NUMBERS, ALWAYS},
	{"tax id", "national_id", NUMBERS, NO_COMPANY},
	{"tax number", "national_id", NUMBERS, PERSON_ANY},
	{"tax file number", "national_id", SMALL_NUMBERS, ALWAYS},
	{"taxid", "national_id", NUMBERS, NO_COMPANY},
	{"code fiscal", "national_id", TEXTS, NO_COMPANY},
	{"fiscal code", "national_id", TEXTS, NO_COMPANY},
	{"sv number", "national_id", SMALL_NUMBERS, ALWAYS},
	{"rg", "national_id", NUMBERS, PERSON_TABLE},
	{"pis", "national_id", NUMBERS, PERSON_TABLE},
	{"nss", "national_id", NUMBERS, PERSON_TABLE},
	{"rfc", "national_id", TEXTS, PERSON_TABLE},
	{"cuit", "national_id", NUMBERS, PERSON_TABLE},
	{"nik", "national_id", NUMBERS, PERSON_TABLE},
	{"nationalno id", "national_id", SMALL_NUMBERS, ALWAYS},
	{"nationalno", "national_id", SMALL_NUMBERS, ALWAYS},
	{"permit number", "national_id", NUMBERS, PERSON_TABLE},
	{"visa number", "national_id", NUMBERS, PERSON_TABLE},
	{"patient identifier", "national_id", NUMBERS, ALWAYS},
	{"identifier", "national_id", NUMBERS, KEY_TABLE},
	{"passport id", "passport", NUMBERS, ALWAYS},
	{"passport", "passport", SCANS | FAMILY_BIGINT, ALWAYS},
	{"driver license", "drivers_license", SCANS | FAMILY_BIGINT, ALWAYS},
	{"license number", "drivers_license", TEXTS | FAMILY_BIGINT, PERSON_TABLE},
	{"driverslicense", "drivers_license", SCANS | FAMILY_BIGINT, ALWAYS},
	{"permit conduire", "drivers_license", SCANS, ALWAYS},
	{"license conduire", "drivers_license", SCANS, ALWAYS},
	{"patente guida", "drivers_license", SCANS, ALWAYS},
	{"license plate", "license_plate", TEXTS, ALWAYS},
	{"licenseplate", "license_plate", TEXTS, ALWAYS},
	{"car plate", "license_plate", TEXTS, ALWAYS},
	{"plate", "license_plate", TEXTS, CAR_TABLE},
	{"number plate", "license_plate", TEXTS, ALWAYS},
	{"plate number", "license_plate", TEXTS, ALWAYS},
	{"registration plate", "license_plate", TEXTS, ALWAYS},
	{"nhs", "uk_nhs", NUMBERS, ALWAYS},
	{"medicare id", "us_mbi", NUMBERS, ALWAYS},
	{"medicare", "us_mbi", NUMBERS, ALWAYS},
	{"imei", "imei", NUMBERS, ALWAYS},

	{"mac address", "mac_address", TEXTS | FAMILY_MAC, ALWAYS},
	{"ethernet address", "mac_address", TEXTS | FAMILY_MAC, ALWAYS},
	{"mac", "mac_address", TEXTS | FAMILY_MAC, ALWAYS},
	{"x forwarded for", "ip_address", TEXTS, ALWAYS},
	{"remote address", "ip_address", TEXTS | FAMILY_INET, ALWAYS},
	{"client address", "ip_address", FAMILY_INET, ALWAYS},
	{"ip address", "ip_address", TEXTS | FAMILY_INET, ALWAYS},
	{"address ip", "ip_address", TEXTS | FAMILY_INET, ALWAYS},
	{"ip last login", "ip_address", TEXTS | FAMILY_INET, ALWAYS},
	{"ip previous login", "ip_address", TEXTS | FAMILY_INET, ALWAYS},
	{"ip", "ip_address", TEXTS | FAMILY_INET | FAMILY_BIGINT | FAMILY_BINARY, ALWAYS},
	{"geo long", "geo_location", PLACES, NO_PLACE},
	{"gps long", "geo_location", PLACES, NO_PLACE},
	{"geo point", "geo_location", PLACES, NO_PLACE},
	{"lat long", "geo_location", PLACES, NO_PLACE},
	{"lat lat", "geo_location", PLACES, NO_PLACE},
	{"lat", "geo_location", PLACES, NO_PLACE},
	{"gps", "geo_location", PLACES, NO_PLACE},
	{"coordinate long", "geo_location", PLACES, NO_PLACE},
	{"coordinate", "geo_location", PLACES, NO_PLACE},

	{"street address", "street_address", TEXTS, HOME},
	{"address line", "street_address", TEXTS, HOME},
	{"address street", "street_address", TEXTS, HOME},
	{"address", "street_address", TEXTS, HOME},
	{"street name", "street_address", TEXTS, HOME},
	{"street line", "street_address", TEXTS, HOME},
	{"street number", "street_address", TEXTS, HOME},
	{"street", "street_address", TEXTS, HOME},
	{"house number", "street_address", TEXTS | CODES, HOME},
	{"apartment number", "street_address", TEXTS, HOME},
	{"apartment", "street_address", TEXTS, HOME_TABLE},
	{"postal code", "address_part", SMALL_NUMBERS, HOME},
	{"code postal", "address_part", SMALL_NUMBERS, HOME},
	{"post code", "address_part", SMALL_NUMBERS, HOME},
	{"zip code", "address_part", SMALL_NUMBERS, HOME},
	{"zip", "address_part", SMALL_NUMBERS, HOME},
	{"city name", "address_part", TEXTS, CITY},
	{"city village", "address_part", TEXTS, CITY},
	{"city", "address_part", TEXTS, CITY},
	{"homecity", "address_part", TEXTS, ALWAYS},
	{"cp", "address_part", SMALL_NUMBERS, HOME_TABLE},
	{"pin code", "address_part", SMALL_NUMBERS, ADDRESS_TABLE},
	{"pincode", "address_part", SMALL_NUMBERS, ADDRESS_TABLE},

	{"iban code", "iban", TEXTS, ALWAYS},
	/* Dolibarr's holds the whole number */
	{"iban prefix", "iban", TEXTS, ALWAYS},
	{"iban", "iban", TEXTS, ALWAYS},
	{"bank account", "bank_account", NUMBERS, ALWAYS},
	{"account bank", "bank_account", NUMBERS, ALWAYS},
	{"bankaccountno", "bank_account", NUMBERS, ALWAYS},
	{"number", "bank_account", NUMBERS, BANK_TABLE},
	{"number", "credit_card", NUMBERS, CREDIT_TABLE},
	{"account number", "bank_account", NUMBERS, BANK},
	{"number account", "bank_account", NUMBERS, BANK},
	{"sort code", "bank_account", NUMBERS, BANK},
	{"credit card", "credit_card", NUMBERS, PAY_CARD},
	{"card credit", "credit_card", NUMBERS, PAY_CARD},
	{"creditcard", "credit_card", NUMBERS, PAY_CARD},
	{"debit card", "credit_card", NUMBERS, PAY_CARD},
	{"card number", "credit_card", NUMBERS, PAY_CARD},
	{"number card", "credit_card", NUMBERS, PAY_CARD},
	{"card pan", "credit_card", NUMBERS, PAY_CARD},
	{"cc number", "credit_card", NUMBERS, PAY_CARD},
	{"creditcardno", "credit_card", SMALL_NUMBERS, ALWAYS},
	{"pan", "credit_card", NUMBERS, CARD_TABLE},
	{"pan number", "national_id", TEXTS, PERSON_TABLE},
	{"pan", "national_id", TEXTS, PERSON_TABLE},
	{"card security code", "credit_card", SMALL_NUMBERS, ALWAYS},

	{"salary", "financial_personal", MONEY, ALWAYS},
	{"salary extra", "financial_personal", MONEY, ALWAYS},
	{"annual income", "financial_personal", MONEY, ALWAYS},
	{"monthly income", "financial_personal", MONEY, ALWAYS},
	{"yearly income", "financial_personal", MONEY, ALWAYS},
	{"household income", "financial_personal", MONEY, ALWAYS},
	{"income", "financial_personal", MONEY, PERSON_ANY},
	{"compensation", "financial_personal", MONEY, PERSON_TABLE},
	{"rate", "financial_personal", MONEY, PAY_TABLE},
	{"pay rate", "financial_personal", MONEY, ALWAYS},
	{"hourly rate", "financial_personal", MONEY, PERSON_TABLE},
	{"net worth", "financial_personal", MONEY, ALWAYS},
	{"credit score", "financial_personal", MONEY | FAMILY_SMALL, ALWAYS},

	{"diagnosis code", "health", CODES, ALWAYS},
	{"diagnosis", "health", CODES, ALWAYS},
	{"icd code", "health", TEXTS, ALWAYS},
	{"icd", "health", TEXTS, ALWAYS},
	{"allergy note", "health", TEXTS, ALWAYS},
	{"allergy", "health", CODES, ALWAYS},
	{"blood type", "health", CODES, ALWAYS},
	{"blood group", "health", CODES, ALWAYS},
	{"group blood", "health", CODES, ALWAYS},
	{"type blood", "health", CODES, ALWAYS},
	{"history clinical", "health", TEXTS, ALWAYS},
	{"history medical", "health", TEXTS, ALWAYS},
	{"clinical history", "health", TEXTS, ALWAYS},
	{"bloodgroup", "health", CODES, ALWAYS},
	{"medication", "health", TEXTS, ALWAYS},
	{"prescription", "health", TEXTS, ALWAYS},
	{"symptom", "health", TEXTS, ALWAYS},
	{"disability", "health", CODES, ALWAYS},
	{"medical history", "health", TEXTS, ALWAYS},
	{"medical record", "health", NUMBERS, ALWAYS},
	{"medical condition", "health", CODES, ALWAYS},
	{"medical note", "health", TEXTS, ALWAYS},
	{"condition non coded", "health", TEXTS, ALWAYS},
	{"condition", "health", TEXTS, PERSON_TABLE},
	{"mrn", "health", SMALL_NUMBERS, ALWAYS},
	{"death date", "health", DATES, ALWAYS},
	{"date death", "health", DATES, ALWAYS},
	{"cause death", "health", CODES, ALWAYS},
	{"death cause", "health", CODES, ALWAYS},
	{"hiv status", "health", CODES, ALWAYS},
	{"vaccination status", "health", CODES, ALWAYS},
	{"pregnancy status", "health", CODES, ALWAYS},
	{"blood pressure", "health", MEASURES, ALWAYS},
	{"bmi", "health", MEASURES, PERSON_ANY},
	{"height", "health", MEASURES, PATIENT_TABLE},
	{"weight", "health", MEASURES, PATIENT_TABLE},
	{"smoker", "health", CODES, PERSON_ANY},
	{"smoking status", "health", CODES, PERSON_ANY},
	{"lab result", "health", MEASURES, PATIENT_TABLE},
	{"treatment", "health", TEXTS, PATIENT_TABLE},
	{"reaction", "health", CODES, ALLERGY_TABLE},

	{"password hash", "password_hash", TOKENS, ALWAYS},
	{"password digest", "password_hash", TOKENS, ALWAYS},
	{"pass hash", "password_hash", TOKENS, ALWAYS},
	{"passhash", "password_hash", TOKENS, ALWAYS},
	{"hash password", "password_hash", TOKENS, ALWAYS},
	{"hashed password", "password_hash", TOKENS, ALWAYS},
	{"crypted password", "password_hash", TOKENS, ALWAYS},
	{"encrypted password", "password_hash", TOKENS, PERSON_TABLE},
	{"user pass", "password_hash", TOKENS, ALWAYS},
	{"password", "password_hash", TOKENS, PASSWORD},
	{"mot passe", "password_hash", TOKENS, PASSWORD},
	{"pass phrase", "secret_token", TEXTS, ALWAYS},
	{"pass crypted", "password_hash", TOKENS, ALWAYS},
	{"pass", "password_hash", TOKENS, PERSON_TABLE_ALONE},
	{"pass", "secret_token", TEXTS, PERSON_ANY},
	{"password salt", "secret_token", TOKENS, ALWAYS},
	{"salt", "secret_token", TOKENS, SALT},
	{"secret access key", "secret_token", TOKENS, ALWAYS},
	{"secret data", "secret_token", TOKENS, ALWAYS},
	{"secret", "secret_token", TOKENS, ALWAYS},
	{"token hash", "secret_token", TOKENS, ALWAYS},
	{"token digest", "secret_token", TOKENS, ALWAYS},
	{"reset digest", "secret_token", TOKENS, ALWAYS},
	{"token", "secret_token", TOKENS, ALWAYS},
	{"api key", "secret_token", TOKENS, ALWAYS},
	{"secret key", "secret_token", TOKENS, ALWAYS},
	{"access key id", "secret_token", TOKENS, ALWAYS},
	{"access key", "secret_token", TOKENS, ALWAYS},
	{"private key", "secret_token", TOKENS, ALWAYS},
	{"auth key", "secret_token", TOKENS, ALWAYS},
	{"key auth", "secret_token", TOKENS, ALWAYS},
	{"totp key", "secret_token", TOKENS, ALWAYS},
	{"otp key", "secret_token", TOKENS, ALWAYS},
	{"mfa key", "secret_token", TOKENS, ALWAYS},
	{"reply key", "secret_token", TOKENS, ALWAYS},
	{"web service key", "secret_token", TOKENS, ALWAYS},
	{"session key", "secret_token", TOKENS, ALWAYS},
	{"signing key", "secret_token", TOKENS, ALWAYS},
	{"encryption key", "secret_token", TOKENS, ALWAYS},
	{"encrypted key", "secret_token", TOKENS, ALWAYS},
	{"activation key", "secret_token", TOKENS, ALWAYS},
	{"master key", "secret_token", TOKENS, ALWAYS},
	{"token key", "secret_token", TOKENS, ALWAYS},
	{"invite key", "secret_token", TOKENS, ALWAYS},
	{"hmac key", "secret_token", TOKENS, ALWAYS},
	{"license key", "secret_token", TEXTS, ALWAYS},
	{"key hash", "secret_token", TOKENS, KEY_TABLE},
	{"key", "secret_token", TOKENS, ENCRYPTED},
	{"key", "secret_token", TOKENS, KEY_TABLE},
	{"value", "secret_token", TEXTS, KEY_TABLE},
	{"secret answer", "secret_token", TEXTS, ALWAYS},
	{"security answer", "secret_token", TEXTS, ALWAYS},
	{"totp seed", "secret_token", TOKENS, ALWAYS},
	{"totp", "secret_token", TOKENS, ALWAYS},
	{"otp seed", "secret_token", TOKENS, ALWAYS},
	{"otp", "secret_token", SMALL_NUMBERS, ALWAYS},
	{"otp code", "secret_token", SMALL_NUMBERS, ALWAYS},
	{"backup code", "secret_token", TEXTS, ALWAYS},
	{"recovery code", "secret_token", TEXTS, ALWAYS},
	{"scratch code", "secret_token", TEXTS, ALWAYS},
	{"scratch hash", "secret_token", TOKENS, ALWAYS},
	{"scratch salt", "secret_token", TOKENS, ALWAYS},
	{"preshared key", "secret_token", TOKENS, ALWAYS},
	{"pre shared key", "secret_token", TOKENS, ALWAYS},
	{"preshared", "secret_token", TOKENS, ALONE},
	{"seed phrase", "secret_token", TEXTS, ALWAYS},
	{"recovery phrase", "secret_token", TEXTS, ALWAYS},
	{"mnemonic", "secret_token", TEXTS, ALWAYS},
	{"access code", "secret_token", TEXTS, ALWAYS},
	{"mfa code", "secret_token", SMALL_NUMBERS, ALWAYS},
	{"verification code", "secret_token", SMALL_NUMBERS, ALWAYS},
	{"activation code", "secret_token", TEXTS, ALWAYS},
	{"confirm code", "secret_token", TEXTS, ALWAYS},
	{"auth code", "secret_token", TEXTS, LOGIN_TABLE},
	{"pin code", "secret_token", SMALL_NUMBERS, LOGIN_TABLE},
	{"pincode", "secret_token", SMALL_NUMBERS, LOGIN_TABLE},
	{"session cookie", "secret_token", TEXTS, ALWAYS},
	{"auth cookie", "secret_token", TEXTS, ALWAYS},
	{"login cookie", "secret_token", TEXTS, ALWAYS},
	{"cookie", "secret_token", TEXTS, LOGIN_TABLE},
	{"auth", "secret_token", TEXTS, PUSH_TABLE},
	{"confirmation code", "secret_token", TEXTS, PERSON_TABLE},
	{"jwt", "secret_token", TEXTS, ALWAYS},
	{"pin", "secret_token", SMALL_NUMBERS, ALONE},
	{"session id", "secret_token", TEXTS, SESSION},
	{"sessionid", "secret_token", TEXTS, SESSION},
	{"connection string", "secret_token", TEXTS, ALWAYS},
	{"slack webhook url", "secret_token", TEXTS, ALWAYS},
	{"slack webhook", "secret_token", TEXTS, ALWAYS},
	{"webhook secret", "secret_token", TEXTS, ALWAYS},
	{"gift card code", "secret_token", TEXTS, ALWAYS},
	{"code", "secret_token", TEXTS, GIFT_TABLE},
	{"giftcard number", "secret_token", TEXTS, ALWAYS},

	{"photo", "photo", PICTURES, PERSON_TABLE},
	{"signature", "photo", PICTURES, PERSON_TABLE},
	{"fingerprint", "photo", PICTURES, PERSON_TABLE}
};

/* ---- the two tables, compiled ---- */

/* Words by a hash of their letters; twice as many places as words. */
#define PLACES_FOR_WORDS 4096

static int16 word_places[PLACES_FOR_WORDS];	/* 1 + index, 0: free */
static int16 word_means[lengthof(words)];	/* index of what is meant */

/* Phrases by their last word: chains through next. */
static int16 phrase_head[lengthof(words)];
static int16 phrase_next[lengthof(phrases)];
static int16 phrase_words[lengthof(phrases)][MAX_PHRASE];
static uint8 phrase_length[lengthof(phrases)];

/* Looked for in every name. */
static int	word_last;
static int	word_attr;

static bool compiled = false;

static int
find_word(const char *word, int len)
{
	uint32		place = hash_bytes((const unsigned char *) word, len);

	for (;; place++)
	{
		int			i = word_places[place % PLACES_FOR_WORDS];

		if (i == 0)
			return -1;
		if (strncmp(words[i - 1].word, word, len) == 0 &&
			words[i - 1].word[len] == '\0')
			return i - 1;
	}
}

/* Pure arithmetic over the constant tables; 4 or 5 thousand steps, once. */
static void
compile(void)
{
	for (int i = 0; i < lengthof(words); i++)
	{
		int			len = strlen(words[i].word);
		uint32		place = hash_bytes((const unsigned char *) words[i].word,
									   len);

		if (find_word(words[i].word, len) >= 0)
			continue;
		while (word_places[place % PLACES_FOR_WORDS] != 0)
			place++;
		word_places[place % PLACES_FOR_WORDS] = i + 1;
	}
	for (int i = 0; i < lengthof(words); i++)
	{
		const char *means = words[i].means;
		int			at = means == NULL ? -1 : find_word(means, strlen(means));

		word_means[i] = at >= 0 ? at :
			find_word(words[i].word, strlen(words[i].word));
		phrase_head[i] = -1;
	}
	word_last = find_word("last", 4);
	word_attr = find_word("attr", 4);
	/* chained backwards, so that the first of the table is met first */
	for (int i = lengthof(phrases) - 1; i >= 0; i--)
	{
		const char *p = phrases[i].phrase;
		int			n = 0;

		while (*p != '\0' && n < MAX_PHRASE)
		{
			int			len = strcspn(p, " ");
			int			word = find_word(p, len);

			if (word < 0)
			{
				n = 0;
				break;
			}
			phrase_words[i][n++] = word_means[word];
			p += len;
			if (*p == ' ')
				p++;
		}
		phrase_length[i] = n;
		if (n > 0)
		{
			int			last = phrase_words[i][n - 1];

			phrase_next[i] = phrase_head[last];
			phrase_head[last] = i;
		}
	}
	compiled = true;
}

/* ---- names ---- */

#define UNKNOWN (-1)
#define DIGITS (-2)

typedef struct Tokens
{
	int			n;
	int			word[MAX_TOKENS];	/* as meant; UNKNOWN, DIGITS */
	int			flags[MAX_TOKENS];	/* of the word as written */
} Tokens;

static void
add_token(Tokens *tokens, int word)
{
	if (tokens->n == MAX_TOKENS)
		return;
	if (word >= 0 && (words[word].flags & DROP) != 0 && words[word].means == NULL)
		return;
	tokens->word[tokens->n] = word >= 0 ? word_means[word] : word;
	tokens->flags[tokens->n++] = word >= 0 ? words[word].flags : 0;
}

/* The word, or what it is the plural of. */
static int
find_singular(const char *word, int len)
{
	int			i = find_word(word, len);

	if (i < 0 && len > 3 && word[len - 1] == 's')
	{
		i = find_word(word, len - 1);
		/* addresses, doctores; not lates, callees */
		if (i < 0 && len > 5 && word[len - 2] == 'e' &&
			strchr("aeiou", word[len - 3]) == NULL)
			i = find_word(word, len - 2);
	}
	return i;
}

/*
 * A word that may stand in a run-together name, or -1.  Short ones are found by
 * chance in many others (temp-lat-e, str-ip, for-tune), so only those that
 * people do write together count, and in front of a long one all of three
 * letters (alt-email, tmp-password).
 */
static int
find_part(const char *word, int len, bool first)
{
	int			i = find_singular(word, len);
	int			wanted = first ? JOIN | FIRST : JOIN;

	if (i < 0 || ((words[i].flags & NOJOIN) != 0 &&
				  (words[i].flags & wanted) == 0))
		return -1;
	if (strlen(words[i].word) < 4 && (words[i].flags & wanted) == 0 &&
		!(first && len == 3))
		return -1;
	return i;
}

/* As the first part, with `right` behind it. */
static bool
fits_before(int left, int right)
{
	return strlen(words[left].word) >= 4 ||
		(words[left].flags & (JOIN | FIRST)) != 0 ||
		strlen(words[right].word) >= 5;
}

/*
 * A word of the name.  One that is not known may be two or three written
 * together, as in emailaddress, Telefonnummer, lastip or iplastlogin.
 */
static void
add_word(Tokens *tokens, const char *word, int len)
{
	int			whole = find_singular(word, len);

	if (whole >= 0)
	{
		add_token(tokens, whole);
		return;
	}
	for (int cut = len <= 40 ? len - 2 : 0; cut >= 2; cut--)
	{
		int			left = find_part(word, cut, true);
		int			right;

		if (left < 0 || (words[left].flags & (DROP | FLAG)) != 0)
			continue;
		/* idcard, iplastlogin */
		if (cut == 2 && (len < 6 ||
						 (words[left].flags & (MACHINE | OTHER)) == 0))
			continue;
		right = find_part(word + cut, len - cut, false);
		if (right >= 0 && fits_before(left, right))
		{
			add_token(tokens, left);
			add_token(tokens, right);
			return;
		}
		for (int cut2 = len - 2; cut2 >= cut + 3; cut2--)
		{
			int			middle = find_part(word + cut, cut2 - cut, false);

			if (middle < 0 || !fits_before(left, middle))
				continue;
			right = find_part(word + cut2, len - cut2, false);
			if (right >= 0)
			{
				add_token(tokens, left);
				add_token(tokens, middle);
				add_token(tokens, right);
				return;
			}
		}
	}
	add_token(tokens, UNKNOWN);
}

/*
 * The plain letters of an accented one of Western Europe in UTF-8, NULL if
 * it is another byte.  Umlauts as they are written without them.
 */
static const char *
plain_letters(unsigned char first, unsigned char second)
{
	static const char *const plain[] = {
		"a", "a", "a", "a", "ae", "a", "ae", "c", "e", "e", "e", "e", "i", "i",
		"i", "i", "d", "n", "o", "o", "o", "o", "oe", NULL, "o", "u", "u", "u",
		"ue", "y", "th", "ss"
	};

	if (first != 0xC3 || second < 0x80 || second > 0xBF)
		return NULL;
	if (second == 0xBF)
		return "y";
	return plain[(second - 0x80) % 32];
}

/*
 * Split snake_case, camelCase, digits and what else is no letter.  Digits stay
 * with the letters before them where both make a word, as in ipv6 and oauth2.
 */
static void
tokenize(const char *name, Tokens *tokens)
{
	char		word[MAX_NAME * 2];
	int			len = strnlen(name, MAX_NAME - 1);
	int			n = 0;
	int			letters = 0;	/* of word, before the digits of it */
	int			without = 0;	/* tokens before those letters */
	bool		digits = false;
	unsigned char before = 0;

	tokens->n = 0;
	for (int i = 0; i <= len; i++)
	{
		unsigned char c = i < len ? name[i] : '\0';
		unsigned char after = i + 1 < len ? name[i + 1] : '\0';
		bool		upper = c >= 'A' && c <= 'Z';
		bool		letter = upper || (c >= 'a' && c <= 'z') || IS_HIGHBIT_SET(c);
		bool		digit = c >= '0' && c <= '9';
		bool		was_upper = before >= 'A' && before <= 'Z';
		bool		was_lower = (before >= 'a' && before <= 'z') ||
			IS_HIGHBIT_SET(before);
		const char *plain;

		/* the P of IPv6 starts no word */
		if (c == 'P' && before == 'I' && after == 'v' && i + 2 < len &&
			name[i + 2] >= '0' && name[i + 2] <= '9')
			was_upper = false;
		/* a word starts at aB, at the B of ABc, and where digits meet letters */
		if (n > 0 && (!(letter || digit) || digit != digits ||
					  (upper && (was_lower ||
								 (was_upper && after >= 'a' && after <= 'z')))))
		{
			if (!digits)
			{
				without = tokens->n;
				add_word(tokens, word, n);
				letters = digit ? n : 0;
			}
			else
			{
				int			joined = letters > 0 ? find_word(word, n) : -1;

				if (joined >= 0)
					tokens->n = without;
				add_token(tokens, joined >= 0 ? joined : DIGITS);
				letters = 0;
			}
			n = letters;
			digits = digit;
		}
		before = c;
		if (!letter && !digit)
			continue;
		if (n == 0)
			digits = digit;
		plain = plain_letters(c, after);
		if (plain != NULL)
		{
			while (*plain != '\0')
				word[n++] = *plain++;
			i++;
		}
		else
			word[n++] = pg_ascii_tolower(c);
	}
}

/* What the table's name says. */
typedef struct Table
{
	Tokens		tokens;
	int			flags;			/* of the word that matters */
	int			all;			/* of all words */
	int			head;			/* the word, as meant; UNKNOWN */
} Table;

static int
word_of(const char *word)
{
	return find_word(word, strlen(word));
}

static void
read_table(const char *name, Table *table)
{
	const char *dot = strrchr(name, '.');
	int			n;

	if (dot != NULL)
		name = dot + 1;
	tokenize(name, &table->tokens);
	table->flags = 0;
	table->all = 0;
	table->head = UNKNOWN;

	n = table->tokens.n;
	for (int i = 0; i < n; i++)
		table->all |= table->tokens.flags[i];
	/* digits, a language, words like data and history */
	while (n > 1 && (table->tokens.word[n - 1] == DIGITS ||
					 (table->tokens.flags[n - 1] & NEUTRAL) != 0))
		n--;
	if (n > 1 && table->tokens.word[n - 1] == UNKNOWN)
	{
		size_t		len = strlen(name);

		if (len > 3 && name[len - 3] == '_')
			n--;
	}
	if (n == 0)
		return;
	table->head = table->tokens.word[n - 1];
	table->flags = table->tokens.flags[n - 1];
	/* api_clients are programs */
	if ((table->flags & PERSON) != 0)
		for (int i = 0; i < n - 1; i++)
			if ((table->tokens.flags[i] & THING) != 0)
			{
				table->flags &= ~PERSON;
				table->all &= ~PERSON;
			}
}

static bool
table_says(const Table *table, const char *word)
{
	int			wanted = word_of(word);

	for (int i = 0; i < table->tokens.n; i++)
		if (table->tokens.word[i] == wanted)
			return true;
	return false;
}

static bool
tokens_say(const Tokens *tokens, int n, const char *word)
{
	int			wanted = word_of(word);

	for (int i = 0; i < n; i++)
		if (tokens->word[i] == wanted)
			return true;
	return false;
}

/* addresses, customer_addresses; not ip_addresses or company_addresses */
static bool
is_home_table(const Table *table)
{
	return table->head == word_of("address") &&
		(table->all & (MACHINE | PLACE | THING)) == 0 &&
		!table_says(table, "email") && !table_says(table, "mail");
}

/*
 * What people arrange, and name: such a table may hold their addresses, as
 * payment_methods does, but its names are not theirs.
 */
static bool
is_arrangement(const Table *table)
{
	static const char *const heads[] = {
		"method", "setting", "rule", "group", "page", "folder", NULL
	};

	for (int i = 0; heads[i] != NULL; i++)
		if (table->head == word_of(heads[i]))
			return (table->all & PERSON) == 0;
	return false;
}

/*
 * Is the word before "name" of this table no person's?  A category's parent
 * is another, a shipping method's admin_name is what admins call it, and the
 * sender in a site's settings is the site.
 */
static bool
names_relation(const Table *table, int word)
{
	if ((table->flags & PLACE) == 0 && !is_arrangement(table))
		return false;
	if (word == word_of("parent") || word == word_of("child"))
		return true;
	if (word == word_of("sender"))
		return table->head == word_of("setting");
	return word == word_of("admin") &&
		(table->head == word_of("method") ||
		 table->head == word_of("location") ||
		 table->head == word_of("product") ||
		 table->head == word_of("category"));
}

/* Things that people give nicknames. */
static bool
names_thing(int word)
{
	static const char *const things[] = {
		"account", "address", "bankaccountno", "car", "card", "creditcard",
		"key", "secret", "token", "vehicle"
	};

	for (int i = 0; i < lengthof(things); i++)
		if (word == word_of(things[i]))
			return true;
	return false;
}

/* The class that the condition leaves of a phrase, or NULL. */
static const char *
phrase_class(const Phrase *phrase, const Table *table, const Tokens *column,
			 int before, int after)
{
	const char *class_name = phrase->class_name;
	int			flags = before > 0 ? column->flags[before - 1] : 0;
	int			all = 0;

	for (int i = 0; i < before; i++)
		all |= column->flags[i];
	switch (phrase->condition)
	{
		case ALWAYS:
			return class_name;
		case ALONE:
			for (int i = 0; i < before; i++)
				if ((column->flags[i] & (PERSON | TRAIL)) == 0)
					return NULL;
			return class_name;
		case PERSON_TABLE:
			return (table->flags & PERSON) != 0 ? class_name : NULL;
		case PERSON_TABLE_ALONE:
			return before == 0 && after == column->n &&
				(table->flags & PERSON) != 0 ? class_name : NULL;
		case PERSON_ANY:
			return ((table->all | all) & PERSON) != 0 ||
				table->head == word_of("crm") ? class_name : NULL;
		case PERSON_AFTER:
		case PERSON_BEFORE:
			for (int i = after; i < column->n; i++)
				if ((column->flags[i] & PERSON) != 0)
					return class_name;
			if (before > 0 && names_relation(table, column->word[before - 1]))
				return NULL;
			if (before > 0 && (flags & PERSON) != 0)
				return before > 1 &&
					(column->flags[before - 2] & THING) != 0 ? NULL :
					class_name;
			/* preferred_name, but not company_name */
			for (int i = 0; i < before; i++)
				if ((column->flags[i] & (PERSON | TRAIL)) == 0 ||
					(column->flags[i] & (PLACE | OTHER | MACHINE)) != 0)
					return NULL;
			/* spree_credit_cards.name is on the card */
			if (table_says(table, "credit") && table_says(table, "card"))
				return class_name;
			/* spree_addresses.name is who lives there */
			if (before == 0 && is_home_table(table))
				return class_name;
			return (table->flags & PERSON) != 0 ? class_name : NULL;
		case DISPLAY_NAME:
			return (table->flags & PERSON) != 0 ||
				table->head == word_of("account") ? class_name : NULL;
		case HOME:
			/* ship_to_address */
			if (before > 1 && column->word[before - 1] == word_of("to") &&
				(column->word[before - 2] == word_of("ship") ||
				 column->word[before - 2] == word_of("bill")))
				return class_name;
			if ((flags & MACHINE) != 0 || (flags & PLACE) != 0)
				return NULL;
			return (table->flags & PLACE) != 0 ||
				table_says(table, "firewall") ? NULL : class_name;
		case CITY:
			if (((flags & PLACE) != 0 &&
				 column->word[before - 1] != word_of("location")) ||
				(table->flags & PLACE) != 0)
				return NULL;
			if (before > 0 || (table->flags & (PERSON | ORDER)) != 0 ||
				(table->all & PERSON) != 0)
				return class_name;
			return NULL;
		case HOME_TABLE:
			return before == 0 && after == column->n &&
				((table->flags & PERSON) != 0 || is_home_table(table) ||
				 table->head == word_of("crm")) ? class_name : NULL;
		case ADDRESS_TABLE:
			return before == 0 && is_home_table(table) ? class_name : NULL;
		case PATIENT_TABLE:
			return table_says(table, "patient") ||
				table_says(table, "medical") || table_says(table, "clinical") ||
				table_says(table, "vital") ? class_name : NULL;
		case ALLERGY_TABLE:
			return table_says(table, "allergy") ? class_name : NULL;
		case LOGIN_TABLE:
			for (int i = 0; i < before; i++)
				if ((column->flags[i] & (PERSON | TRAIL)) == 0)
					return NULL;
			if ((table->flags & PERSON) != 0 ||
				table->head == word_of("account"))
				return class_name;
			/* a payment's auth_code is the bank's */
			return (table->flags & PLACE) == 0 && (table->all & ORDER) == 0 &&
				((table->all & (PERSON | THING)) != 0 ||
				 table->head == word_of("session") ||
				 table->head == word_of("login")) ? class_name : NULL;
		case PUSH_TABLE:
			return before == 0 && table_says(table, "push") ? class_name : NULL;
		case ENCRYPTED:
			return tokens_say(column, before, "encrypted") ? class_name : NULL;
		case NICKNAME:
			if (before > 0)
				return (flags & (PLACE | THING)) != 0 ||
					names_thing(column->word[before - 1]) ? NULL : class_name;
			return (table->flags & (PLACE | THING | MACHINE)) != 0 ||
				(names_thing(table->head) &&
				 (table->head != word_of("account") ||
				  table_says(table, "bank"))) ? NULL : class_name;
		case SOCIAL:
			for (int i = 0; i < before; i++)
				if ((column->flags[i] & (PERSON | TRAIL)) == 0)
					return NULL;
			return ((table->flags | flags) & PERSON) != 0 ||
				table->head == word_of("crm") ? class_name : NULL;
		case NO_PLACE:
			return (table->flags & PLACE) != 0 ||
				(table->head == word_of("group") && is_arrangement(table) &&
				 strcmp(class_name, "person_name") == 0) ||
				((flags & PLACE) != 0 &&
				 column->word[before - 1] != word_of("location")) ? NULL :
				class_name;
		case PAY_CARD:
			if ((flags & OTHER) != 0 ||
				(before > 0 && column->word[before - 1] == word_of("member")) ||
				(before > 0 && column->word[before - 1] == word_of("student")))
				return NULL;
			return class_name;
		case PASSWORD:
			/* users.user_password, but not users.mail_password */
			for (int i = 0; i < before; i++)
				if ((column->flags[i] & PERSON) == 0)
					return "secret_token";
			return (table->flags & PERSON) != 0 ? class_name : "secret_token";
		case SALT:
			return (table->all & PERSON) != 0 || table_says(table, "password") ||
				table_says(table, "secret") ||
				tokens_say(column, before, "password") ? class_name : NULL;
		case BANK:
			return tokens_say(column, before, "bank") ||
				table_says(table, "bank") || table_says(table, "pay") ||
				table_says(table, "employee") || table_says(table, "payee") ||
				table->head == word_of("payment") ||
				table->head == word_of("order") ||
				table->head == word_of("crm") ? class_name : NULL;
		case BANK_TABLE:
			return before == 0 &&
				(table->head == word_of("bankaccountno") ||
				 (table_says(table, "bank") &&
				  table->head == word_of("account"))) ? class_name : NULL;
		case CARD_TABLE:
			for (int i = 0; i < table->tokens.n; i++)
				if ((table->tokens.flags[i] & OTHER) != 0)
					return NULL;
			return before == 0 && (table_says(table, "card") ||
								   table_says(table, "creditcard") ||
								   table_says(table, "bankaccountno") ||
								   table_says(table, "bank")) ?
				class_name : NULL;
		case CREDIT_TABLE:
			return before == 0 && (table_says(table, "creditcard") ||
								   ((table_says(table, "credit") ||
									 table_says(table, "debit")) &&
									table_says(table, "card"))) ?
				class_name : NULL;
		case CAR_TABLE:
			return table_says(table, "car") || table_says(table, "vehicle") ?
				class_name : NULL;
		case PAY_TABLE:
			return before == 0 && table_says(table, "employee") &&
				table_says(table, "pay") ? class_name : NULL;
		case OF_EMAIL:
			if (before > 0)
			{
				static const char *const fields[] = {
					"from", "to", "cc", "bcc", "sender", "recipient"
				};
				bool		known = false;

				for (int i = 0; i < lengthof(fields); i++)
					known |= column->word[before - 1] == word_of(fields[i]);
				if (!known)
					return NULL;
			}
			return table_says(table, "email") ||
				table_says(table, "mail") ? class_name : NULL;
		case NO_COMPANY:
			return ((table->flags | flags) & PLACE) != 0 ||
				table->head == word_of("supplier") ? NULL : class_name;
		case USERNAME:
			return table->head == word_of("block") ||
				table->head == word_of("ban") ? NULL : class_name;
		case KEY_TABLE:
			if (before > 1 || (before == 1 && (flags & TRAIL) == 0))
				return NULL;
			if (phrase->class_name[0] == 'n')
				return table_says(table, "patient") &&
					table->head != word_of("type") ? class_name : NULL;
			return (table_says(table, "api") && table_says(table, "key")) ||
				table->head == word_of("secret") ||
				table->head == word_of("token") ||
				(table->head == word_of("variable") &&
				 strcmp(phrase->phrase, "value") == 0) ? class_name : NULL;
		case GIFT_TABLE:
			return before == 0 && (table_says(table, "giftcard") ||
								   (table_says(table, "gift") &&
									table_says(table, "card"))) ?
				class_name : NULL;
		case SESSION:
			return class_name;
		case MAIL:
			for (int i = 0; i < before; i++)
				if ((column->flags[i] & (PERSON | TRAIL)) == 0)
					return NULL;
			return class_name;
	}
	return NULL;
}

/* The class, and the phrase that told; its words are NULL if it was the type. */
static const char *
judge(const char *relation, const char *column, const char *type_name,
	  const char **told)
{
	TypeFamily	family = type_family(type_name);
	Table		table;
	Tokens		tokens;
	int			n;

	if (family == FAMILY_OTHER)
		return NULL;
	if (!compiled)
		compile();
	tokenize(column, &tokens);
	if (tokens.n == 0 || (tokens.n > 1 && (tokens.flags[0] & FLAG) != 0))
		return NULL;

	/* card_last4, phone_last_4 and the like are cut down already */
	for (int i = 0; i + 1 < tokens.n; i++)
		if (tokens.word[i] == word_last &&
			(tokens.word[i + 1] == DIGITS ||
			 (tokens.word[i + 1] == UNKNOWN && i + 2 == tokens.n &&
			  (strstr(column, "igit") != NULL ||
			   strstr(column, "our") != NULL))))
			return NULL;
	/* icd10_code is an icd_code */
	n = 0;
	for (int i = 0; i < tokens.n; i++)
	{
		if (tokens.word[i] == DIGITS && i > 0 && i < tokens.n - 1)
			continue;
		tokens.word[n] = tokens.word[i];
		tokens.flags[n++] = tokens.flags[i];
	}
	tokens.n = n;
	read_table(relation ? relation : "", &table);
	/* attr_mail of a directory's settings names the attribute */
	if (tokens.n > 1 && tokens.word[0] == word_attr &&
		(table.flags & PERSON) == 0)
		return NULL;

	for (n = tokens.n; n > 0; n--)
	{
		int			tail = tokens.word[n - 1];

		for (int i = tail >= 0 ? phrase_head[tail] : -1; i >= 0;
			 i = phrase_next[i])
		{
			const char *class_name;
			int			from = n - phrase_length[i];

			if ((phrases[i].types & family) == 0 || from < 0)
				continue;
			for (int k = 0; k < phrase_length[i]; k++)
				if (tokens.word[from + k] != phrase_words[i][k])
				{
					from = -1;
					break;
				}
			if (from < 0)
				continue;
			class_name = phrase_class(&phrases[i], &table, &tokens, from, n);
			if (class_name != NULL)
			{
				*told = phrases[i].phrase;
				return class_name;
			}
		}
		/* take a word off that only qualifies */
		if (tail != DIGITS && (tokens.flags[n - 1] & TRAIL) == 0)
			break;
	}

	/* the type alone */
	if (family == FAMILY_MAC)
		return "mac_address";
	return NULL;
}

const char *
hg_classify_name(const char *relation, const char *column,
				 const char *type_name)
{
	const char *told = NULL;

	return judge(relation, column, type_name, &told);
}

const char *
hg_classify_name_evidence(const char *relation, const char *column,
						  const char *type_name)
{
	const char *told = NULL;

	if (judge(relation, column, type_name, &told) == NULL)
		return NULL;
	return told != NULL ? told : "";
}
